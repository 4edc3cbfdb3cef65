import { z } from 'zod';
import { defineSubject, type Built, type ReportFault } from '../subject.ts';
import { readSearchPaths } from '../values/search-paths.ts';
import { wholeNumber } from '../values/whole-number.ts';
import { cronFault, readTimeZone, TZ, type Schedule } from './schedule.ts';

type VerifySchedule =
  | Extract<Schedule, { kind: 'cron' }>
  | { readonly kind: 'after-upload' }
  | { readonly kind: 'off' };

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

export const verify = defineSubject({
  title: 'Restore tests',
  variables: {
    VERIFY_SCHEDULE: {
      schema: z.string().default('after-upload'),
      description:
        'When dumps are restored into a scratch server and compared with their source: `after-upload` (each one, as it lies at its destination), a cron pattern in the time zone `TZ` (the newest of each database), or `off`.',
    },
    TZ,
    VERIFY_SOURCE_COUNTS: {
      schema: z.enum(['exact', 'estimate', 'off']).default('exact'),
      description:
        "How the rows of the source are counted while it is dumped, in the dump's own snapshot: `exact` reads every table, `estimate` takes the planner's word, `off` leaves them uncounted. The rows in the dump are counted exactly in any case.",
    },
    VERIFY_SOURCE_COUNTS_LIMIT: {
      schema: wholeNumber('a number of GiB', 1, 1_000_000).default(20),
      description: 'Largest size in GiB at which `exact` counts a database. A larger one gets `estimate`.',
    },
    VERIFY_DIR: {
      schema: z.string().startsWith('/', 'expected an absolute path').default('/scratch'),
      description:
        'Folder of the scratch servers, and of dumps on their way to them. It needs room for the dump and the restored database; nothing stays there after a test.',
    },
    VERIFY_HOST_DIR: {
      schema: z.string().startsWith('/', 'expected an absolute path').optional(),
      description:
        'Folder of a scratch host, which then runs the scratch servers: without a network, as another user, on its own disk. docker-compose.yml sets it. The scratch host has the same folder as its `VERIFY_DIR`.',
      defaultText: 'none: the verify worker runs them itself',
    },
    VERIFY_DISK_LIMIT: {
      schema: wholeNumber('a number of MiB', 1, 1_000_000_000).optional(),
      description: 'MiB that a restore test may take on the disk of `VERIFY_DIR`.',
      defaultText: 'what is free, but for 5 %',
    },
    VERIFY_MEMORY_LIMIT: {
      schema: wholeNumber('a number of MiB', 128, 1_000_000).default(512),
      description: 'MiB of memory that a scratch server may take, about.',
    },
    VERIFY_TIMEOUT: {
      schema: wholeNumber('a number of seconds', 1, 7 * 24 * 3600).default(6 * 3600),
      description:
        'Seconds that a restore test may take. Its wait for a busy scratch host does not count; that may take three times as long.',
    },
    VERIFY_REHEARSE: {
      schema: wholeNumber('a major version of PostgreSQL', 12, 99).optional(),
      description:
        'Major version of PostgreSQL into which each dump that was tested is restored as well, if that is newer than its source: the rehearsal of an upgrade. What would not survive stands in the record, and changes no verdict. Where the scratch host lacks that version, the record says so.',
      defaultText: 'no rehearsal',
    },
    VERIFY_SEARCH_PATH: {
      schema: z.string().min(1).optional(),
      description:
        'Schemas in which functions look for names that they do not qualify, while a dump is restored for a test: `immich=public` for that database, `immich=public; shop=app, public` for several, `public` for all. It is for databases that `pgstow restore` needs `--search-path` for; see docs/restore.md. The record says so.',
      defaultText: 'none, as the dump itself says',
    },
    VERIFY_CHECKS: {
      schema: z.string().startsWith('/', 'expected an absolute path').optional(),
      description:
        'File of SQL queries that every restored database must answer as wanted; see docs/restore-tests.md. docker-compose.yml mounts the folder `PGSTOW_CHECKS` (`./checks`) as `/checks`, so there it is a path such as `/checks/checks.sql`.',
      defaultText: 'no checks of your own',
    },
  },
  build: (values, report) => ({
    schedule: readSchedule(values.VERIFY_SCHEDULE.trim(), values.TZ, report),
    sourceCounts: values.VERIFY_SOURCE_COUNTS,
    /** A database larger than this is not counted exactly. */
    exactUpToBytes: values.VERIFY_SOURCE_COUNTS_LIMIT * GIB,
    /** Folder of downloads and, without a scratch host, of scratch servers. */
    folder: values.VERIFY_DIR,
    /** Folder that a scratch host shares with the verify worker; `undefined`: the worker runs scratch servers itself. */
    hostFolder: values.VERIFY_HOST_DIR,
    /** Bytes that a test may take on the disk of `folder`; `undefined`: what is free there. */
    diskBytes: values.VERIFY_DISK_LIMIT === undefined ? undefined : values.VERIFY_DISK_LIMIT * MIB,
    /** Memory that a scratch server may take, about. */
    memoryBytes: values.VERIFY_MEMORY_LIMIT * MIB,
    timeoutMs: values.VERIFY_TIMEOUT * 1000,
    /** Major version of PostgreSQL into which a dump that was tested is restored as well. */
    rehearseMajor: values.VERIFY_REHEARSE,
    /** Schemas that functions of a dump may take for granted. */
    searchPaths: readSearchPaths(values.VERIFY_SEARCH_PATH),
    /** Path of the file of own checks. */
    checksFile: values.VERIFY_CHECKS,
  }),
});

/** When restore tests are made, where, and within which bounds. */
export type VerifyConfig = Built<typeof verify>;

function readSchedule(text: string, timeZoneName: string, report: ReportFault): VerifySchedule {
  if (text === 'after-upload' || text === 'off') return { kind: text };
  const timeZone = readTimeZone(timeZoneName, report) ?? 'UTC';
  const fault = cronFault(text, timeZone);
  if (fault !== undefined) report('VERIFY_SCHEDULE', fault.replace('expected', 'expected after-upload, off, or'));
  return { kind: 'cron', pattern: text, timeZone };
}
