import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { FolderConfig } from '@pgstow/shared/config/subjects/copy.ts';
import { isFolderConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import type { FolderMedium } from '@pgstow/shared/contract/receipt.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { mediumOf } from '@pgstow/store/folder/folder-medium.ts';
import { FolderStore } from '@pgstow/store/folder/folder-store.ts';
import prettyBytes from 'pretty-bytes';
import { defineCheck, findingOf, type Finding } from '../check.ts';

/** Does once in each folder that dumps are copied to all that uploads do there. */
export const checkCopies = defineCheck({
  name: 'copy.put',
  needs: ['destinations', 'backup'],
  timeoutMs: 90_000,
  async *run({ destinations, backup }, facts, signal) {
    for (const config of destinations.filter(isFolderConfig)) {
      const put = await tryToPut(config, signal);
      yield put;
      if (put.status !== 'ok') continue;
      const { name, folder } = config.destination;
      yield judgeMedium(name, folder, await mediumOf(folder, backup.folder));
      const { bavail, bsize } = await statfs(folder);
      const last = (await facts.readDumps(backup.folder)).at(-1)?.manifest.bytes ?? 0;
      const { ok, fault } = findingOf('copy.room', name);
      const free = `${prettyBytes(bavail * bsize)} are free in ${folder}`;
      yield bavail * bsize > last
        ? ok(free)
        : fault(`${free}, and the newest dump has ${prettyBytes(last)}`, 'Make room there, or set COPY_KEEP_LAST.');
    }
  },
});

/** Puts a small object, reads it back and removes it. Its name is no dump's. */
async function tryToPut(config: FolderConfig, signal: AbortSignal): Promise<Finding> {
  const { name, folder } = config.destination;
  const { ok, failed } = findingOf('copy.put', name);
  using store = new FolderStore(config);
  const key = `pgstow-doctor-${randomBytes(6).toString('hex')}`;
  try {
    await store.putText(key, key, { mode: 'create', contentType: 'text/plain', metadata: {}, signal });
    const read = Buffer.concat(await Array.fromAsync(store.read(key, signal))).toString();
    await store.delete(key, signal);
    if (read !== key) throw new PermanentError(`${folder} does not give back what was written`);
    return ok(`${folder} takes a file, gives it back and removes it`);
  } catch (error) {
    signal.throwIfAborted();
    return failed(error);
  }
}

function judgeMedium(name: string, folder: string, medium: FolderMedium): Finding {
  const { ok, warning } = findingOf('copy.medium', name);
  if (medium === 'same-disk')
    return warning(
      `${folder} is on the same disk as the backup folder: this is no second medium`,
      'Set COPY_DIR to a folder on another disk, or of another host.',
    );
  return ok(`${folder} is ${medium === 'network' ? 'of another host' : 'on another disk than the backup folder'}`);
}
