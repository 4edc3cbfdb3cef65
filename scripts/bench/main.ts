import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { backupCycle } from './backup-cycle.ts';
import { formatTable } from './format-table.ts';
import { median, timeCommand } from './measure.ts';
import { restoreByHand, restoreByPgstow, testRestore } from './restores.ts';
import { startBench } from './start-bench.ts';
import { timeStatusPage } from './status-page.ts';

// Times the whole dump step against pg_dump alone and the usual pipe, in turn, so that other load on the machine falls on all of
// them. Then times a restore against a restore by hand, a restore test and the status page, and shows that the workers' memory does
// not grow with the database.
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);

await using bench = await startBench();
const { env, pgDump } = bench.postgresClient;

console.log('loading a database of about 400 MB of plain SQL …');
await bench.loadSample('bench', 1);
// The first start of the workers fills Node's compile cache for the measured ones.
await (await backupCycle(bench, 'bench'))[Symbol.asyncDispose]();
await using cycle = await backupCycle(bench, 'bench');

const seconds = { bare: [] as number[], gzip: [] as number[], dump: [] as number[], upload: [] as number[] };
let file: Omit<Awaited<ReturnType<typeof cycle.run>>, 'dumpSeconds' | 'uploadSeconds'> | undefined;
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
if (file === undefined) throw new Error('no round was run');

const restores = { bench, database: 'bench', name: file.name, env: cycle.env };
const restoreSeconds = { byHand: [] as number[], restored: [] as number[], whole: [] as number[] };
for (let round = 0; round <= rounds; round += 1) {
  const byHand = await restoreByHand(restores);
  const { restored, whole } = await restoreByPgstow(restores);
  if (round === 0) continue;
  console.log(
    `round ${round}: gunzip | psql ${byHand.toFixed(2)} s, pgstow restore ${restored.toFixed(2)} s, with its comparison ${whole.toFixed(2)} s`,
  );
  restoreSeconds.byHand.push(byHand);
  restoreSeconds.restored.push(restored);
  restoreSeconds.whole.push(whole);
}
const restoreTest = await testRestore(restores);
console.log('timing the status page …');
const page = await timeStatusPage(bench);

console.log('loading a database four times as large …');
await bench.loadSample('bench4', 4);
await using largeCycle = await backupCycle(bench, 'bench4');
const large = await largeCycle.run();
const largePeak = largeCycle.peakMemoryMiB();

/** @param base values of the row that this one is compared with */
const row = (name: string, values: readonly number[], base: readonly number[]): string[] => [
  name,
  median(values).toFixed(2),
  `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`,
  (median(values) / median(base)).toFixed(2),
];
console.log(`
${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${cycle.versions}
${(file.sqlBytes / 1e6).toFixed(0)} MB of SQL, ${(file.bytes / 1e6).toFixed(0)} MB compressed, median of ${rounds} rounds

${formatTable([
  ['', 'seconds', 'from … to', '× pg_dump'],
  row('pg_dump > /dev/null', seconds.bare, seconds.bare),
  row('dump step: dump, proof, manifest, hand-over, prune', seconds.dump, seconds.bare),
  row('pg_dump | gzip', seconds.gzip, seconds.bare),
  row('upload step: digest, put, confirm', seconds.upload, seconds.bare),
])}

The dump step is ${(median(seconds.gzip) / median(seconds.dump)).toFixed(2)} times as fast as pg_dump | gzip.

${formatTable([
  ['', 'seconds', 'from … to', '× by hand'],
  row('gunzip -c FILE | psql', restoreSeconds.byHand, restoreSeconds.byHand),
  row('pgstow restore until all is committed: start, sha256, restore', restoreSeconds.restored, restoreSeconds.byHand),
  row('pgstow restore to its end: ANALYZE and comparison as well', restoreSeconds.whole, restoreSeconds.byHand),
])}

A restore test took ${restoreTest.seconds.toFixed(1)} s, ${restoreTest.restoreSeconds.toFixed(1)} s of them for the restore, and at most ${restoreTest.peakMiB.toFixed(0)} MiB for worker and scratch server: ${restoreTest.result}.

The status page over ${page.backups} backups of ${page.databases} databases: median ${page.medianMs.toFixed(0)} ms, slowest ${page.slowestMs.toFixed(0)} ms, ${page.cpuMs.toFixed(0)} ms of processor time and ${page.kiB.toFixed(0)} KiB each. A worker had published its folder ${(page.publishedAfterMs / 1000).toFixed(1)} s after its start.

${formatTable([
  [
    'peak memory, MiB',
    `${(file.sqlBytes / 1e6).toFixed(0)} MB of SQL, ${rounds + 1} cycles`,
    `${(large.sqlBytes / 1e6).toFixed(0)} MB of SQL, 1 cycle`,
  ],
  ['dump worker', small.dumpWorker.toFixed(0), largePeak.dumpWorker.toFixed(0)],
  ['upload worker', small.uploadWorker.toFixed(0), largePeak.uploadWorker.toFixed(0)],
])}`);
