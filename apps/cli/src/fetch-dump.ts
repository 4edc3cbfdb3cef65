import { join } from 'node:path';
import type { Backup } from '@pgstow/backups/list-backups.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import type { Store } from '@pgstow/store/store.ts';
import { exitCodes, ExitError } from './exit-codes.ts';
import type { RestoreContext } from './restore-context.ts';
import { showTransfer } from './show-transfer.ts';
import type { Progress } from './show-progress.ts';
import { chooseStagingFolder, hashDump, stageDump, type StagedDump } from './stage-dump.ts';

type FetchContext = Pick<RestoreContext, 'options' | 'signal'> & { readonly show: ReturnType<Progress['add']> };

/**
 * Brings a backup to where it can be restored from, and holds it against its manifest.
 *
 * @param place `local`, or the destination that it is taken from
 * @throws ExitError if it is not what its manifest says, or cannot be brought
 */
export async function fetchDump(
  context: FetchContext,
  backup: Backup,
  place: string,
  folder: string,
  stores: readonly Store[],
): Promise<StagedDump> {
  await using stack = new AsyncDisposableStack();
  const dump = stack.use(await bringDump(context, backup, place, folder, stores));
  assertContent(dump, backup, place);
  stack.move();
  return dump;
}

async function bringDump(
  { options, show, signal }: FetchContext,
  backup: Backup,
  place: string,
  folder: string,
  stores: readonly Store[],
): Promise<StagedDump> {
  if (place === LOCAL) {
    const onProgress = showTransfer(show, 'checking', backup.bytes);
    return hashDump(join(folder, backup.name), { signal, onProgress });
  }
  const store = stores.find((each) => each.place.name === place);
  if (store === undefined) throw new ExitError(exitCodes.failed, `there is no destination ${place}`);
  const staging = await chooseStagingFolder(options.staging, folder);
  const onProgress = showTransfer(show, `fetching from ${place}`, backup.bytes);
  return stageDump(store, backup.name, backup.bytes, staging, { signal, onProgress });
}

function assertContent({ sha256 }: StagedDump, { name, manifest, places }: Backup, place: string): void {
  if (manifest === undefined) {
    console.error(`pgstow: warning: ${name} has no manifest; it is only known to be good once it is restored`);
  } else if (sha256 !== manifest.sha256) {
    const other = places.find((each) => each !== place);
    throw new ExitError(
      exitCodes.bad,
      `${name} at ${place} is BAD: its sha256 is ${sha256}, and its manifest says ${manifest.sha256}; the target was not touched`,
      other === undefined
        ? 'Choose another backup with --at, or another place with --from.'
        : `Try its copy: --from ${other}`,
    );
  }
}
