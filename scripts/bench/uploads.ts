import { createHash, randomBytes } from 'node:crypto';
import { link, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeManifest } from '@pgstow/catalog/folder/write-record.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { enqueueUpload } from '@pgstow/shared/runtime/jobs/queue.ts';
import { secondsFrom } from './backup-cycle.ts';
import { megabytes } from './dumps.ts';
import { timeCommand } from './measure.ts';
import { uploaders } from './rivals.ts';
import type { Section } from './section.ts';
import { BUCKET, connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';
import { Timings } from './timings.ts';
import { watchJobs } from './watch-jobs.ts';

const SITE = 'uploads';
const OURS = 'pgstow: asked for until confirmed, with manifest and receipt';

/** Times uploads of one file of random bytes by a real worker that is up, beside the programs that do nothing else. */
export async function timeUploads(bench: Bench, rounds: number, bytes = 120_000_000): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const { s3 } = bench;
  const env = { ...(await bench.settingsOf(SITE)), VERIFY_SCHEDULE: 'off' };
  const folder = env.BACKUP_DIR;
  const path = join(bench.folder, 'file');
  const content = randomBytes(bytes);
  await writeFile(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');

  const connection = stack.use(await connectQuietly(bench.redis.url));
  const uploads = stack.use(watchJobs('upload', SITE, connection));
  const worker = stack.use(await startApp('upload-worker', env));
  await worker.waitForLine(/"reconciled"/);
  const failed = failIfEnded(worker);
  failed.catch(() => undefined);

  const upload = async (round: number): Promise<number> => {
    const takenAt = new Date(Date.UTC(2026, 0, 1, 0, 0, round));
    const name = formatBackupName(SITE, takenAt);
    await link(path, join(folder, name));
    const time = takenAt.toISOString();
    const facts = { database: SITE, takenAt: time, recordedAt: time, origin: 'dumped', sqlBytes: bytes } as const;
    await writeManifest(folder, { version: 1, name, bytes, sha256, tables: {}, ...facts });
    await enqueueUpload(uploads.queue, name, 's3');
    const ended = await uploads.ended(uploadJobId(name, 's3'), failed);
    for (const each of [name, manifestFileName(name)]) await s3.deleteObject(BUCKET, `${SITE}/${each}`);
    return secondsFrom(ended.timestamp, ended);
  };

  const rivals = uploaders(bench);
  const timings = new Timings();
  for (let round = 0; round <= rounds; round += 1) {
    // The first round warms the caches.
    const add = (name: string, seconds: number): void => {
      if (round > 0) timings.add(name, seconds);
    };
    for (const rival of rivals) {
      const itsEnv = { ...rival.env, PATH: process.env['PATH'] ?? '' };
      add(rival.name, await timeCommand(rival.sendFile(path, 'file'), itsEnv));
      await s3.deleteObject(BUCKET, 'file');
    }
    add(OURS, await upload(round));
    console.log(`uploads, round ${round} of ${rounds}`);
  }
  const [fastest] = rivals.map(({ name }) => name).sort((a, b) => timings.median(a) - timings.median(b));
  return {
    title: 'Uploads',
    blocks: [`A file of ${megabytes(bytes)}; the programs with their start.`, timings.table(fastest ?? OURS)],
    ratios: fastest === undefined ? {} : { 'upload, of the fastest other': timings.ratio(OURS, fastest) },
  };
}
