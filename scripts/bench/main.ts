import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { backupCycle } from './backup-cycle.ts';
import { formatTable } from './format-table.ts';
import { median, timeCommand } from './measure.ts';
import { startBench } from './start-bench.ts';

// Times the whole dump step against pg_dump alone and against the usual pipe, in turn and in one run, so that what else
// the machine does falls on all of them; then shows that the workers' memory does not grow with the database.
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);

await using bench = await startBench();
const { env, pgDump } = bench.postgresClient;

console.log('loading a database of about 400 MB of plain SQL …');
await bench.loadSample('bench', 1);
// The first start of the workers fills Node's compile cache; those that are measured find it full.
await (await backupCycle(bench, 'bench'))[Symbol.asyncDispose]();
await using cycle = await backupCycle(bench, 'bench');

const seconds = { bare: [] as number[], gzip: [] as number[], dump: [] as number[], upload: [] as number[] };
let file = { bytes: 0, sqlBytes: 0 };
for (let round = 0; round <= rounds; round += 1) {
  const bare = await timeCommand(`"${pgDump}" > /dev/null`, env);
  const { dumpSeconds, uploadSeconds, ...made } = await cycle.run();
  const gzip = await timeCommand(`"${pgDump}" | gzip > "${bench.folder}/pipe.sql.gz"`, env);
  file = made;
  // The first round warms the caches.
  if (round === 0) continue;
  console.log(
    `round ${round}: pg_dump ${bare.toFixed(2)} s, dump step ${dumpSeconds.toFixed(2)} s, pg_dump | gzip ${gzip.toFixed(2)} s`,
  );
  seconds.bare.push(bare);
  seconds.gzip.push(gzip);
  seconds.dump.push(dumpSeconds);
  seconds.upload.push(uploadSeconds);
}
const small = cycle.peakMemoryMiB();

console.log('loading a database four times as large …');
await bench.loadSample('bench4', 4);
await using largeCycle = await backupCycle(bench, 'bench4');
const large = await largeCycle.run();
const largePeak = largeCycle.peakMemoryMiB();

const bare = median(seconds.bare);
const row = (name: string, values: readonly number[]): string[] => [
  name,
  median(values).toFixed(2),
  `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`,
  (median(values) / bare).toFixed(2),
];
console.log(`
${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${cycle.versions}
${(file.sqlBytes / 1e6).toFixed(0)} MB of SQL, ${(file.bytes / 1e6).toFixed(0)} MB compressed, median of ${rounds} rounds

${formatTable([
  ['', 'seconds', 'from … to', '× pg_dump'],
  row('pg_dump > /dev/null', seconds.bare),
  row('dump step: dump, proof, manifest, hand-over, prune', seconds.dump),
  row('pg_dump | gzip', seconds.gzip),
  row('upload step: digest, put, confirm', seconds.upload),
])}

The dump step is ${(median(seconds.gzip) / median(seconds.dump)).toFixed(2)} times as fast as pg_dump | gzip.

${formatTable([
  [
    'peak memory, MiB',
    `${(file.sqlBytes / 1e6).toFixed(0)} MB of SQL, ${rounds + 1} cycles`,
    `${(large.sqlBytes / 1e6).toFixed(0)} MB of SQL, 1 cycle`,
  ],
  ['dump worker', small.dumpWorker.toFixed(0), largePeak.dumpWorker.toFixed(0)],
  ['upload worker', small.uploadWorker.toFixed(0), largePeak.uploadWorker.toFixed(0)],
])}`);
