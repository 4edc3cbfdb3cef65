import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Section } from './section.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'docs/benchmarks.md');
const RATIOS = join(import.meta.dirname, 'published-ratios.json');
const BEGIN = '<!-- Written by the bench from here on. -->\n';
/** A ratio may be worse than the published one by this factor: a machine is never twice the same. */
const TOLERANCE = 1.15;

/** Writes what was measured into docs/benchmarks.md, and its ratios beside the bench. @param head machine, versions and date */
export async function publish(head: string, sections: readonly Section[]): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const written = page.slice(0, page.indexOf(BEGIN) + BEGIN.length);
  const body = [head, ...sections.flatMap(({ title, blocks }) => [`## ${title}`, ...blocks])].join('\n\n');
  await writeFile(PAGE, `${written}\n${body}\n`);
  await writeFile(RATIOS, `${JSON.stringify(ratiosOf(sections), roundRatio, 2)}\n`);
}

/** Compares ratios with the published ones. @returns a line for each that is worse by 15 % or more */
export async function findWorse(sections: readonly Section[]): Promise<readonly string[]> {
  const published = JSON.parse(await readFile(RATIOS, 'utf8')) as Readonly<Record<string, number>>;
  return Object.entries(ratiosOf(sections)).flatMap(([name, ratio]) => {
    const before = published[name];
    return before !== undefined && ratio >= before * TOLERANCE
      ? [`${name}: ${ratio.toFixed(2)}, and ${before.toFixed(2)} was published`]
      : [];
  });
}

const ratiosOf = (sections: readonly Section[]): Record<string, number> =>
  Object.assign({}, ...sections.map(({ ratios }) => ratios)) as Record<string, number>;

const roundRatio = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
