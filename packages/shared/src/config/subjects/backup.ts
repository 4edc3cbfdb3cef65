import { z } from 'zod';
import { defineSubject, type Built } from '../subject.ts';
import { buildPeriods, periodVariables } from '../values/keep-variables.ts';
import { wholeNumber } from '../values/whole-number.ts';
import { readTimeZone, TZ } from './schedule.ts';

export const backup = defineSubject({
  title: 'Dumps and retention',
  variables: {
    BACKUP_DIR: {
      schema: z.string().startsWith('/', 'expected an absolute path').default('/backups'),
      description: 'Folder of the dumps, manifests and receipts. Dump worker and upload worker share it.',
    },
    PGSTOW_FOLDER: {
      schema: z.string().optional(),
      description:
        'For docker-compose: the folder of the host that it mounts there; messages name it. Without it, docker-compose mounts its volume `backups`.',
    },
    BACKUP_KEEP_LAST: {
      schema: wholeNumber('a number', 1, 1_000_000).default(4),
      description:
        'Number of newest dumps of each database that stay in the folder. A dump whose upload is not confirmed stays as well.',
    },
    ...periodVariables('BACKUP', 'in the folder'),
    TZ,
    BACKUP_COMPRESSION: {
      schema: z.enum(['auto', 'igzip', 'pigz', 'gzip']).default('auto'),
      description: 'Program that compresses: `auto` takes igzip, else pigz, else gzip. Each writes a normal .gz file.',
    },
    BACKUP_ON_SHRINK: {
      schema: z.enum(['suspect', 'warn', 'refuse']).default('suspect'),
      description:
        'What happens to a dump with less than 30 % of the SQL or the rows of the last good ones, or without the rows of a table that had hundreds in each of them: `suspect` keeps it, raises an alarm and does not count it until `pgstow accept`; `warn` counts it. Below 70 %, an alarm of severity warning is raised in any case. `refuse` is the old name of `suspect`.',
    },
    BACKUP_TIMEOUT: {
      schema: wholeNumber('a number of seconds', 1, 7 * 24 * 3600).default(6 * 3600),
      description:
        'Seconds that one dump may take. A dump that takes longer fails for good, with an alarm, and is not tried again before its next run.',
    },
    BACKUP_STALL_TIMEOUT: {
      schema: wholeNumber('a number of seconds', 1, 24 * 3600).default(1800),
      description: 'Seconds that pg_dump may go without writing a byte.',
    },
  },
  build: (values, report) => ({
    folder: values.BACKUP_DIR,
    /** The same folder's path on the container's host, where compose gives it. Without a slash, it is a volume of Docker's. */
    folderOnHost: values.PGSTOW_FOLDER?.includes('/') === true ? values.PGSTOW_FOLDER : undefined,
    keepLast: values.BACKUP_KEEP_LAST,
    keepPeriods: buildPeriods('BACKUP', values),
    /** Time zone in which the days of `keepPeriods` begin. */
    timeZone: readTimeZone(values.TZ, report) ?? 'UTC',
    compression: values.BACKUP_COMPRESSION,
    /** Whether a dump that has shrunk beyond belief is suspect, or counts with a warning. */
    onShrink: values.BACKUP_ON_SHRINK === 'warn' ? ('warn' as const) : ('suspect' as const),
    timeoutMs: values.BACKUP_TIMEOUT * 1000,
    stallTimeoutMs: values.BACKUP_STALL_TIMEOUT * 1000,
  }),
});

/** The backup folder, what is written there, and how long it is kept. */
export type BackupConfig = Built<typeof backup>;
