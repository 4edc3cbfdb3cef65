import { statfs } from 'node:fs/promises';
import { neededBytes } from '@pgstow/catalog/folder/backup-folder.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import prettyBytes from 'pretty-bytes';
import { findingOf, defineCheck } from '../check.ts';
import { sourceTimeoutMs } from '../facts.ts';

/** Checks that the next dumps fit on the disk of the backup folder, by the dump worker's own rule. */
export const checkRoom = defineCheck({
  name: 'folder.room',
  needs: ['backup', 'postgres'],
  timeoutMs: ({ postgres }) => sourceTimeoutMs(postgres) + 30_000,
  async *run({ backup, postgres }, facts) {
    const hint = 'Free some space, or lower BACKUP_KEEP_LAST.';
    const dumps = await facts.readDumps(backup.folder);
    const { bavail, bsize } = await statfs(backup.folder);
    const free = bavail * bsize;
    const { databaseBytes } = await facts.source;
    let inAll = 0;
    let isSummed = true;
    for (const subject of postgres.databases) {
      const last = dumpsOf(subject, dumps).findLast((dump) => !isSuspect(dump))?.manifest.bytes;
      // The database's size says nothing of a first dump that POSTGRES_EXTRA_OPTS may shorten.
      const bytes = postgres.extraOptions.length > 0 ? undefined : databaseBytes.get(subject);
      if (last === undefined && bytes === undefined) {
        isSummed = false;
        yield findingOf('folder.room', subject).skipped(
          `neither a last dump nor the database's size tells how much a dump takes; ${prettyBytes(free)} are free`,
        );
        continue;
      }
      const needed = neededBytes(last, bytes ?? 0);
      inAll += needed;
      if (needed <= free) continue;
      isSummed = false;
      yield findingOf('folder.room', subject).fault(
        `${backup.folder} has ${prettyBytes(free)} free, and the next dump needs about ${prettyBytes(needed)}`,
        hint,
      );
    }
    if (!isSummed) return;
    const { ok, warning } = findingOf('folder.room');
    yield inAll <= free
      ? ok(`${prettyBytes(free)} are free, and the next dumps need about ${prettyBytes(inAll)}`)
      : warning(
          `${prettyBytes(free)} are free; each of the next dumps fits, but all together need about ${prettyBytes(inAll)}`,
          hint,
        );
  },
});
