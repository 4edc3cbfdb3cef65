import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import type { FolderContents } from '@pgstow/catalog/folder/read-folder.ts';
import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { whoami } from '@pgstow/shared/runtime/whoami.ts';
import { findingOf, defineCheck, type Finding } from '../check.ts';
import { shellWord } from '../shell-word.ts';

/** Tries in the backup folder what a dump worker does there, and describes what lies there. */
export const checkFolder = defineCheck({
  name: 'folder.contents',
  needs: ['backup'],
  timeoutMs: 60_000,
  async *run({ backup }, facts) {
    const { folder } = backup;
    yield await tryToWrite(backup);
    const stats = await stat(folder).catch(() => undefined);
    if (stats?.isDirectory() !== true) return;
    if (process.getuid?.() === 0 && stats.uid !== 0) {
      yield findingOf('folder.owner').warning(
        `this was tried as root, who may write anywhere; the folder belongs to user ${stats.uid}:${stats.gid}`,
        `Run pgstow doctor as the user that the workers run as, for instance with setpriv --reuid ${stats.uid} --regid ${stats.gid} --clear-groups.`,
      );
    }
    const contents = await facts.readFolder(folder);
    yield await judgePrivacy(folder, stats.mode, contents);
    yield* describeContents(backup, contents, facts.now);
  },
});

/** Writes, syncs and renames a file as a dump worker does. Its name is neither a dump's nor a partial's. */
async function tryToWrite({ folder, folderOnHost }: BackupConfig): Promise<Finding> {
  const { ok, warning, failed } = findingOf('folder.writable');
  const path = join(folder, `pgstow-doctor-${randomBytes(6).toString('hex')}`);
  const partial = `${path}.new`;
  try {
    if (!(await stat(folder)).isDirectory()) {
      throw new PermanentError(`BACKUP_DIR ${folder} is not a folder`, { hint: 'Set BACKUP_DIR to a folder.' });
    }
    {
      await using file = await open(partial, 'wx', 0o600);
      await file.writeFile(randomBytes(4096));
      await file.sync();
    }
    await rename(partial, path);
    const isSynced = await syncFolder(folder);
    await rm(path);
    if (isSynced) return ok(`${folder} takes a file, syncs and renames it as user ${whoami()}`);
    return warning(
      `${folder} takes a file and cannot sync a folder: a power cut may take the newest backups' names with it`,
      'Backups count there all the same. For more, keep BACKUP_DIR on a local disk; SMB and some FUSE file systems cannot.',
    );
  } catch (error) {
    return failed(folderError(error, folder, folderOnHost));
  } finally {
    for (const left of [partial, path]) await rm(left, { force: true }).catch(() => undefined);
  }
}

async function judgePrivacy(folder: string, mode: number, { dumps, strays }: FolderContents): Promise<Finding> {
  const { ok, warning } = findingOf('folder.private');
  const isSticky = (mode & 0o1000) !== 0;
  if ((mode & 0o002) !== 0 && !isSticky)
    return warning(
      'other users of this machine may delete dumps',
      `Take the right from them: chmod o-rwx ${shellWord(folder)}`,
    );
  let readable = 0;
  if ((mode & 0o001) !== 0) {
    for (const name of [...dumps.map(({ manifest }) => manifest.name), ...strays]) {
      const stats = await lstat(join(folder, name)).catch(() => undefined);
      if (stats !== undefined && (stats.mode & 0o004) !== 0) readable += 1;
    }
  }
  if (readable > 0)
    return warning(
      `other users of this machine may read ${readable === 1 ? 'a dump' : `${readable} dumps`}`,
      `Take the right from them: chmod -R o-rwx ${shellWord(folder)}`,
    );
  return ok(
    (mode & 0o004) === 0
      ? 'other users of this machine may not look into it'
      : 'other users of this machine may list the folder and read no dump in it',
  );
}

/** A partial that has not grown for so long is abandoned. */
const ABANDONED_MS = 60 * 60 * 1000;
const NAMED = 3;

async function* describeContents(
  { folder }: BackupConfig,
  { dumps, strays, partials, faults }: FolderContents,
  now: Date,
): AsyncGenerator<Finding> {
  const newest = dumps.at(-1)?.manifest;
  yield findingOf('folder.contents').ok(
    newest === undefined
      ? 'no dump lies there yet'
      : `${dumps.length === 1 ? 'one dump lies' : `${dumps.length} dumps lie`} there, the newest ${describeDuration(now.getTime() - Date.parse(newest.takenAt))} old`,
  );
  if (faults.length > 0)
    yield findingOf('folder.damaged').fault(
      nameFirst(faults, '; '),
      'Look at these files; what is damaged counts as no backup. pgstow list shows whether the store has a good one.',
    );
  if (strays.length > 0)
    yield findingOf('folder.strays').warning(
      `${strays.length === 1 ? 'one file has' : `${strays.length} files have`} the name of a dump and no manifest, and does not count yet: ${nameFirst(strays, ', ')}`,
      'The dump worker adopts them at its start and every hour. Its log says which it refuses, and why.',
    );
  const abandoned: string[] = [];
  for (const partial of partials) {
    const stats = await lstat(join(folder, partial)).catch(() => undefined);
    if (stats !== undefined && now.getTime() - stats.mtimeMs > ABANDONED_MS) abandoned.push(partial);
  }
  if (abandoned.length > 0)
    yield findingOf('folder.partials').warning(
      `an interrupted dump left half a file behind: ${nameFirst(abandoned, ', ')}`,
      'The next dump of that database removes it. If it is not configured any more, remove it yourself.',
    );
}

function nameFirst(names: readonly string[], separator: string): string {
  const others = names.length - NAMED;
  return names.slice(0, NAMED).join(separator) + (others > 0 ? `${separator}and ${others} more` : '');
}
