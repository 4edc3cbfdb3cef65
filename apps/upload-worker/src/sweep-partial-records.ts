import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readFolder } from '@pgstow/catalog/read-folder.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';

const MIN_AGE_MS = 60 * 1000;

/** Removes what a killed upload worker left of receipts. A living one writes them within moments. */
export async function sweepPartialRecords(folder: string, log: Log): Promise<void> {
  const { partials } = await readFolder(folder);
  for (const file of partials.filter((name) => /\.receipt\.json\.[0-9a-f]+\.partial$/.test(name))) {
    const path = join(folder, file);
    const stats = await stat(path).catch(() => undefined);
    if (stats === undefined || Date.now() - stats.mtimeMs < MIN_AGE_MS) continue;
    await rm(path, { force: true });
    log.info({ file }, 'removed a half-written receipt');
  }
}
