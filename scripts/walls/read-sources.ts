import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readImports, type Source } from './read-imports.ts';

/** The production code of apps and packages, by path from the root. */
export function readSources(root: string): ReadonlyMap<string, Source> {
  const files = globSync('{apps,packages}/*/src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  return new Map(files.sort().map((file) => [file, readImports(file, readFileSync(join(root, file), 'utf8'))]));
}
