import type { ListBackupsOptions } from '@pgstow/backups/list-backups.ts';
import { S3_DESTINATION, type S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import type { Store } from '@pgstow/store/store.ts';
import { Option } from 'commander';
import { misuse } from './exit-codes.ts';
import type { readSettings } from './read-settings.ts';

/** The option `--from`, as every verb takes it. */
export function fromOption(description: string): Option {
  return new Option('--from <place>', description).choices([LOCAL, S3_DESTINATION]);
}

/**
 * Opens the places that `--from` names: the folder, the configured destinations or, without it, both. `stack` closes connections.
 *
 * @throws ExitError if there is no such destination
 */
export async function openPlaces(
  from: string | undefined,
  { backup, s3 }: ReturnType<typeof readSettings<'backup' | 's3'>>,
  stack: Pick<DisposableStack, 'use'>,
): Promise<Pick<ListBackupsOptions, 'folder' | 'stores'>> {
  if (from !== undefined && from !== LOCAL && s3 === undefined)
    throw misuse(`there is no destination ${from}`, 'Set S3_BUCKET, or say --from local.');
  return {
    folder: from === undefined || from === LOCAL ? backup.folder : undefined,
    stores: from === LOCAL || s3 === undefined ? [] : [stack.use(await openStore(s3))],
  };
}

/** The AWS SDK takes a tenth of a second to load. */
async function openStore(s3: S3Config): Promise<Store & Disposable> {
  const { S3Store } = await import('@pgstow/store/s3/s3-store.ts');
  return new S3Store(s3);
}
