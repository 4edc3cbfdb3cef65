import { access, chmod, chown, constants, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SystemUser } from './system-user.ts';

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** A new private folder (mode 0700), removed with its content on dispose. Root may give it to an `owner`. */
export async function tempFolder(prefix = 'pgstow-', owner?: SystemUser): Promise<TempFolder> {
  const path = await mkdtemp(join(await parentFolder(owner), prefix));
  await chmod(path, 0o700);
  if (owner) await chown(path, owner.uid, owner.gid);
  return {
    path,
    async [Symbol.asyncDispose]() {
      // A killed server may still be writing its last file.
      await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** TMPDIR, or /tmp for an owner who cannot enter TMPDIR. */
async function parentFolder(owner: SystemUser | undefined): Promise<string> {
  const preferred = tmpdir();
  if (!owner || (await canAllEnter(preferred))) return preferred;
  await access('/tmp', constants.W_OK);
  return '/tmp';
}

async function canAllEnter(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
