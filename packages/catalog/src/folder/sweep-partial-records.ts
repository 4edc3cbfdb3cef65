import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { readPartials } from './read-folder.ts';

const MIN_AGE_MS = 60 * 1000;

/** Removes half-written records of one kind that a killed worker left. A living worker writes a record within moments. */
export async function sweepPartialRecords(
  folder: string,
  kind: 'receipt' | 'restore-test' | 'accepted' | 'pinned',
  log: Pick<Log, 'info'>,
): Promise<void> {
  const ours = new RegExp(String.raw`(?:\.${kind}|^${kind}_.*)\.json\.[0-9a-f]+\.partial$`);
  for (const file of (await readPartials(folder)).filter((name) => ours.test(name))) {
    const path = join(folder, file);
    const stats = await stat(path).catch(() => undefined);
    if (stats === undefined || Date.now() - stats.mtimeMs < MIN_AGE_MS) continue;
    await rm(path, { force: true });
    log.info({ file }, 'removed a half-written record');
  }
}
