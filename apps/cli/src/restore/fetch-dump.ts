import { join } from 'node:path';
import type { Backup } from '@pgstow/backups/list-backups.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import type { Store } from '@pgstow/store/store.ts';
import { exitCodes, ExitError } from '../exit-codes.ts';
import { showTransfer } from '../format/show-transfer.ts';
import type { Progress } from '../format/start-progress.ts';
import type { RestoreOptions } from './restore-context.ts';
import { chooseStagingFolder, hashDump, stageDump, type StagedDump } from './stage-dump.ts';

export type DumpSource = {
  readonly backup: Backup;
  /** `local`, or the destination that it is taken from. */
  readonly place: string;
  readonly folder: string;
  readonly stores: readonly Store[];
};

/** A dump that is being brought to where it can be restored from. Disposing gives that up, not what `finish` has returned. */
export type FetchedDump = AsyncDisposable & {
  /**
   * Waits until it is there, and holds it against its manifest.
   *
   * @throws ExitError if it is not what its manifest says, or cannot be brought
   */
  finish(show: ReturnType<Progress['add']>): Promise<StagedDump>;
};

/**
 * Begins to read a dump in the folder, so that the target can be looked at meanwhile. A store is asked for it only once
 * somebody waits for it.
 */
export function fetchDump(source: DumpSource, { staging }: RestoreOptions, signal: AbortSignal): FetchedDump {
  const { backup, place, folder } = source;
  const given = new AbortController();
  const either = AbortSignal.any([signal, given.signal]);
  let onProgress = (_bytes: number): void => undefined;
  const checking =
    place === LOCAL
      ? hashDump(join(folder, backup.name), { signal: either, onProgress: (bytes) => onProgress(bytes) })
      : undefined;
  // It may fail before anyone waits for it.
  checking?.catch(() => undefined);
  return {
    async finish(show) {
      if (checking !== undefined) onProgress = showTransfer(show, 'checking', backup.bytes);
      await using stack = new AsyncDisposableStack();
      const dump = stack.use(await (checking ?? bringDump(source, staging, show, signal)));
      assertContent(dump, backup, place);
      show(100, place === LOCAL ? 'checked' : `fetched from ${place}`);
      stack.move();
      return dump;
    },
    async [Symbol.asyncDispose]() {
      given.abort();
      await checking?.catch(() => undefined);
    },
  };
}

async function bringDump(
  { backup, place, folder, stores }: DumpSource,
  told: string | undefined,
  show: ReturnType<Progress['add']>,
  signal: AbortSignal,
): Promise<StagedDump> {
  const store = stores.find((each) => each.place.name === place);
  if (store === undefined) throw new ExitError(exitCodes.failed, `there is no destination ${place}`);
  const staging = await chooseStagingFolder(told, folder);
  const onProgress = showTransfer(show, `fetching from ${place}`, backup.bytes);
  return stageDump(store, backup.name, backup.bytes, staging, { signal, onProgress });
}

function assertContent({ sha256 }: StagedDump, { name, manifest, places }: Backup, place: string): void {
  if (manifest === undefined || sha256 === manifest.sha256) return;
  const other = places.find((each) => each !== place);
  throw new ExitError(
    exitCodes.bad,
    `${name} at ${place} is BAD: its sha256 is ${sha256}, and its manifest says ${manifest.sha256}; the target was not touched`,
    other === undefined
      ? 'Choose another backup with --at, or another place with --from.'
      : `Try its copy: --from ${other}`,
  );
}
