import type { ListBackupsOptions } from '@pgstow/backups/list-backups.ts';
import { decryptBy } from '@pgstow/postgres/age/age-text.ts';
import { DESTINATION_NAMES } from '@pgstow/shared/config/subjects/destinations.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { Option } from 'commander';
import { misuse } from './exit-codes.ts';
import type { readSettings } from './read-settings.ts';

/** The option `--from`, as every verb takes it. The folder of `COPY_DIR` is offered where there is one. */
export function fromOption(description: string): Option {
  const isCopied = ['COPY_DIR', 'COPY_DIR_FILE'].some((name) => (process.env[name] ?? '') !== '');
  const { s3, folder } = DESTINATION_NAMES;
  const option = new Option('--from <place>', description);
  // TARGETS_FILE may name others, of each server its own.
  if ((process.env['TARGETS_FILE'] ?? '') !== '') return option;
  return option.choices([LOCAL, s3, ...(isCopied ? [folder] : [])]);
}

/**
 * Opens the places that `--from` names: the folder, a configured destination or, without it, all of them. `stack` closes
 * connections.
 *
 * @throws ExitError if there is no such destination
 */
export async function openPlaces(
  from: string | undefined,
  { backup, encryption, destinations }: ReturnType<typeof readSettings<'backup' | 'encryption' | 'destinations'>>,
  stack: Pick<DisposableStack, 'use'>,
): Promise<Pick<ListBackupsOptions, 'folder' | 'stores' | 'decrypt'>> {
  const wanted = destinations.filter(({ destination }) => from === undefined || from === destination.name);
  if (from !== undefined && from !== LOCAL && wanted.length === 0)
    throw misuse(`there is no destination ${from}`, HINTS[from] ?? 'Say --from local.');
  const { openStore } = await import('@pgstow/store/open/open-store.ts');
  return {
    folder: from === undefined || from === LOCAL ? backup.folder : undefined,
    decrypt: decryptBy(encryption.identityFile),
    stores: await Promise.all(wanted.map(async (config) => stack.use(await openStore(config)))),
  };
}

const HINTS: Readonly<Record<string, string>> = {
  [DESTINATION_NAMES.s3]: 'Set S3_BUCKET, or say --from local.',
  [DESTINATION_NAMES.folder]: 'Set COPY_DIR, or say --from local.',
};
