import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { isPinned } from '@pgstow/catalog/folder/is-pinned.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import { dumpLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { connect } from '../connect.ts';
import { failure, refusal } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatName, formatTime } from '../format/format-text.ts';
import { warn } from '../format/warn.ts';
import { interruptible } from '../interruptible.ts';
import { readSettings, targetsNow } from '../read-settings.ts';
import { serverOption } from '../servers/choose-servers.ts';
import { currentServer } from '../servers/current-server.ts';
import { inServerOf } from '../servers/in-server-of.ts';

const EXAMPLES = `
Backups of a database that is gone from the server, or that POSTGRES_DB does not
ask for any more, stay in the folder until they are released. What lies at a
destination stays there in any case.

Examples:
  pgstow release shop          show what would be deleted
  pgstow release shop --yes    delete it`;

/** `pgstow release`: deletes from the folder what is kept of a database that is no longer backed up. */
export function addRelease(pgstow: Command): void {
  pgstow
    .command('release')
    .description('delete from the folder the backups of a database that is not backed up any more')
    .argument('<database>', 'a database that is gone')
    .addOption(serverOption())
    .option('--yes', 'delete them; without it they are shown')
    .addHelpText('after', EXAMPLES)
    .action((database: string, options: { readonly server?: string; readonly yes?: true }) =>
      interruptible((signal) => inServerOf(database, options, (name) => release(name, options.yes === true, signal))),
    );
}

async function release(database: string, isMeant: boolean, signal: AbortSignal): Promise<void> {
  const { postgres, backup, redis } = readSettings('postgres', 'backup', 'redis');
  const { folder } = backup;
  assertNotBackedUp();
  const { dumps: all } = await readFolder(folder, { databases: [database] });
  const dumps = all.filter(({ manifest }) => !isPinned(folder, manifest.name));
  const name = formatName(database);
  if (all.length > dumps.length)
    warn(`${all.length - dumps.length} of its backups stay: they are pinned, or their pin cannot be read`);
  if (dumps.length === 0)
    throw failure(`no backup of ${name} in ${folder} is to be released`, 'pgstow list shows what there is.');
  const rows = dumps.toReversed().map(({ manifest, receipts }) => {
    const places = [...receipts.keys()];
    return [
      formatTime(new Date(manifest.takenAt)),
      prettyBytes(manifest.bytes),
      places.length === 0 ? 'nowhere else' : places.join(' '),
      manifest.name,
    ];
  });
  console.log(formatTable(['TIME (UTC)', 'SIZE', 'ALSO LIES AT', 'NAME'], rows, [1]));
  const what = dumps.length === 1 ? 'this backup' : `these ${dumps.length} backups`;
  if (!isMeant) throw refusal('--yes is missing', `To delete ${what} from ${folder}, add --yes.`);

  await using connection = await connect(redis.url, signal);
  const key = dumpLockKey(scopeOf(redis.site, currentServer()), database);
  await withLock(connection, key, signal, async (held) => {
    held.throwIfAborted();
    // A look at the server may have found it again meanwhile.
    assertNotBackedUp();
    const released = dumps.map((dump) => dump.manifest.name).filter((each) => !isPinned(folder, each));
    await deleteDump(folder, ...released).catch((error: unknown) => {
      throw folderError(error, folder);
    });
  });
  console.log(`deleted ${what} of ${name} from ${folder}`);

  function assertNotBackedUp(): void {
    if (!targetsNow(postgres).includes(database)) return;
    throw refusal(
      `${formatName(database)} is backed up, and its old backups go by themselves`,
      'See BACKUP_KEEP_LAST and its like. Only what is not backed up any more is released.',
    );
  }
}
