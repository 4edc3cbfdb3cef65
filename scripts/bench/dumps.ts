import { backupCycle } from './backup-cycle.ts';
import { timeCommand } from './measure.ts';
import { hasIgzip, hasZstd, uploaders } from './rivals.ts';
import type { Section } from './section.ts';
import type { Shape } from './shapes.ts';
import type { Bench } from './start-bench.ts';
import { Timings } from './timings.ts';

const compress = hasIgzip ? 'igzip -1' : 'gzip -6';
const PIPE = `pg_dump \\| ${compress} > FILE`;
const PROVEN = 'pgstow: asked for until proven, recorded, pruned';
const CONFIRMED = 'pgstow: asked for until confirmed by the store';

/** Times whole backups of one shape of data by the real workers, beside the pipes that prove nothing. */
export async function timeDumps(bench: Bench, shape: Shape, rounds: number): Promise<Section> {
  const { database, title } = shape;
  const { pgDump } = bench;
  const env = bench.clientEnv(database);
  await bench.postgres.createDatabase(database);
  await shape.load(bench);
  // The first start of the workers fills Node's compile cache.
  await (await backupCycle(bench, database))[Symbol.asyncDispose]();
  await using cycle = await backupCycle(bench, database);
  const [uploader] = uploaders(bench);
  const toStore = `pg_dump \\| ${compress} \\| ${uploader?.name === 'rclone' ? 'rclone rcat' : 'aws s3 cp -'}`;
  const out = `"${bench.folder}/pipe.gz"`;
  const timings = new Timings();
  let made: Awaited<ReturnType<typeof cycle.run>> | undefined;
  for (let round = 0; round <= rounds; round += 1) {
    // The first round warms the caches.
    const add = (name: string, seconds: number): void => {
      if (round > 0) timings.add(name, seconds);
    };
    add('pg_dump > /dev/null', await timeCommand(`"${pgDump}" > /dev/null`, env));
    add(PIPE, await timeCommand(`"${pgDump}" | ${compress} > ${out}`, env));
    if (hasZstd) add('pg_dump \\| zstd -1 > FILE', await timeCommand(`"${pgDump}" | zstd -1 > ${out}`, env));
    made = await cycle.run();
    add(PROVEN, made.provenSeconds);
    if (uploader !== undefined) {
      const piped = `"${pgDump}" | ${compress} | ${uploader.send('pipe.gz')}`;
      add(toStore, await timeCommand(piped, { ...env, ...uploader.env }));
    }
    add(CONFIRMED, made.confirmedSeconds);
    console.log(`${database}, round ${round} of ${rounds}`);
  }
  if (made === undefined) throw new Error('no round was run');
  const peak = cycle.peakMemoryMiB();
  return {
    title,
    blocks: [
      `${megabytes(made.sqlBytes)} of SQL, ${megabytes(made.bytes)} compressed. ${cycle.versions}.`,
      timings.table(PIPE),
      ...(uploader === undefined
        ? []
        : [`Until confirmed: ${timings.ratio(CONFIRMED, toStore).toFixed(2)} × \`${toStore.replaceAll('\\', '')}\`.`]),
      `Peak memory: dump worker ${peak.dumpWorker.toFixed(0)} MiB, upload worker ${peak.uploadWorker.toFixed(0)} MiB.`,
    ],
    ratios: {
      [`${database}: dump until proven`]: timings.ratio(PROVEN, PIPE),
      ...(uploader === undefined ? {} : { [`${database}: until confirmed`]: timings.ratio(CONFIRMED, toStore) }),
    },
  };
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
