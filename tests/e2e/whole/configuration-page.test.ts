import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { describe, expect, it } from 'vitest';
import { formatConfiguration } from '../../../scripts/configuration-page.ts';

const root = join(import.meta.dirname, '../../..');
const page = formatConfiguration(Object.values(subjects));
const known = Object.values(subjects).flatMap(({ variables }) => Object.keys(variables));

describe('docs/configuration.md', () => {
  it('says what the schemas say', () => {
    expect(readFileSync(join(root, 'docs/configuration.md'), 'utf8'), 'run `node scripts/write-configuration.ts`').toBe(
      page,
    );
  });

  it('has a row for every variable, with its default', () => {
    for (const name of known) expect(page).toContain(`| \`${name}\` |`);
    expect(page).toContain('| `POSTGRES_PORT` | `5432` |');
    expect(page).toContain('| `BACKUP_INTERVAL` | 604800 (a week) |');
    expect(page).toMatch(/^\| `POSTGRES_PASSWORD` \| {2}\| .* \*Secret\.\* \|$/m);
  });
});

describe.skipIf(!existsSync(join(root, 'stack.env.example')))('stack.env.example', () => {
  it('names only variables that a process or docker-compose.yml knows', () => {
    const example = readFileSync(join(root, 'stack.env.example'), 'utf8');
    const compose = existsSync(join(root, 'docker-compose.yml'))
      ? readFileSync(join(root, 'docker-compose.yml'), 'utf8')
      : '';
    const interpolated = Array.from(compose.matchAll(/\$\{?([A-Z][A-Z0-9_]*)/g), ([, name]) => name);
    const names = Array.from(example.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=/gm), ([, name = '']) => name);
    expect(names).toContain('POSTGRES_HOST');
    const ours = [...known, ...known.map((name) => `${name}_FILE`), ...interpolated];
    const unknown = names.filter((name) => !ours.includes(name) && !name.startsWith('COMPOSE_'));
    expect(unknown).toEqual([]);
  });
});
