import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { timeDumps } from './dumps.ts';
import { measureIdleStack } from './idle-stack.ts';
import { measureLatencies } from './latencies.ts';
import { measureManyDumps } from './many-dumps.ts';
import { measureMemory } from './memory.ts';
import { findWorse, publish } from './publish.ts';
import { timeRestores } from './restores.ts';
import type { Section } from './section.ts';
import { SHAPES } from './shapes.ts';
import { startBench } from './start-bench.ts';
import { measureStatusPage } from './status-page.ts';
import { timeUploads } from './uploads.ts';

// Measures pgstow beside what people use instead, and writes docs/benchmarks.md. With --check it compares with what is published.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    check: { type: 'boolean', default: false },
    only: { type: 'string' },
    s3: { type: 'string' },
    'largest-scale': { type: 'string', default: '8' },
  },
});
const rounds = Number(values.rounds);

await using bench = await startBench(values.s3);
const all: Readonly<Record<string, () => Promise<Section>>> = {
  ...Object.fromEntries(SHAPES.map((shape) => [shape.database, () => timeDumps(bench, shape, rounds)])),
  uploads: () => timeUploads(bench, rounds),
  restores: () => timeRestores(bench, rounds),
  memory: () => measureMemory(bench, [1, Number(values['largest-scale'])]),
  many: () => measureManyDumps(bench),
  page: () => measureStatusPage(bench),
  latencies: () => measureLatencies(bench),
  idle: () => measureIdleStack(bench),
};
const wanted = values.only?.split(',') ?? Object.keys(all);
const sections: Section[] = [];
for (const name of wanted) {
  const measure = all[name];
  if (measure === undefined) throw new Error(`--only takes ${Object.keys(all).join(', ')}; got ${name}`);
  const section = await measure();
  console.log(['', `## ${section.title}`, ...section.blocks, ''].join('\n\n'));
  sections.push(section);
}

const options = process.argv.slice(2).join(' ');
const store = values.s3 === undefined ? "the project's own S3 server for tests" : 'a foreign S3 server';
const head = `\`npm run bench${options === '' ? '' : ` -- ${options}`}\`, ${new Date().toISOString().slice(0, 10)}, on ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${store}. Each figure is the median of ${rounds} rounds.`;
if (values.check) {
  const worse = await findWorse(sections);
  for (const line of worse) console.error(`worse than published: ${line}`);
  process.exitCode = worse.length === 0 ? 0 : 1;
} else if (values.only === undefined) await publish(head, sections);
