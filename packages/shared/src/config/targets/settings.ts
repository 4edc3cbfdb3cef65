import { file, names, options, text, variable, wholeNumber, yesOrNo, type Settings } from './setting.ts';

/** The keys of a server in TARGETS_FILE that are not in `defaults`: its connection. */
export const connectionSettings = {
  host: text('POSTGRES_HOST'),
  port: wholeNumber('POSTGRES_PORT'),
  user: text('POSTGRES_USER'),
  passwordFile: file('POSTGRES_PASSWORD'),
  passwordEnv: variable('POSTGRES_PASSWORD'),
  urlFile: file('DATABASE_URL'),
  urlEnv: variable('DATABASE_URL'),
  databases: names('POSTGRES_DB'),
} as const satisfies Settings;

/** The keys of a server that `defaults` may have as well. */
export const serverSettings = {
  exclude: names('POSTGRES_DB_EXCLUDE'),
  globals: text('BACKUP_GLOBALS'),
  sslMode: text('PGSSLMODE'),
  sslRootCert: text('PGSSLROOTCERT'),
  sslCert: text('PGSSLCERT'),
  sslKey: text('PGSSLKEY'),
  targetSessionAttributes: text('PGTARGETSESSIONATTRS'),
  'pgDump.options': options('POSTGRES_EXTRA_OPTS'),
  'pgDump.timeout': wholeNumber('BACKUP_TIMEOUT'),
  'pgDump.stallTimeout': wholeNumber('BACKUP_STALL_TIMEOUT'),
  'pgDump.compression': text('BACKUP_COMPRESSION'),
  'pgDump.onShrink': text('BACKUP_ON_SHRINK'),
  'schedule.every': wholeNumber('BACKUP_INTERVAL'),
  'schedule.cron': text('BACKUP_CRON'),
  'schedule.timeZone': text('TZ'),
  'schedule.jitter': wholeNumber('BACKUP_JITTER'),
  'keep.last': wholeNumber('BACKUP_KEEP_LAST'),
  'keep.hourly': wholeNumber('BACKUP_KEEP_HOURLY'),
  'keep.daily': wholeNumber('BACKUP_KEEP_DAILY'),
  'keep.weekly': wholeNumber('BACKUP_KEEP_WEEKLY'),
  'keep.monthly': wholeNumber('BACKUP_KEEP_MONTHLY'),
  'keep.yearly': wholeNumber('BACKUP_KEEP_YEARLY'),
  'encryption.recipients': names('AGE_RECIPIENTS'),
  'encryption.identityFile': text('AGE_IDENTITY_FILE'),
  'encryption.manifests': text('AGE_MANIFESTS'),
  'restoreTests.schedule': text('VERIFY_SCHEDULE'),
  'restoreTests.sourceCounts': text('VERIFY_SOURCE_COUNTS'),
  'restoreTests.sourceCountsLimit': wholeNumber('VERIFY_SOURCE_COUNTS_LIMIT'),
  'restoreTests.timeout': wholeNumber('VERIFY_TIMEOUT'),
  'restoreTests.rehearse': wholeNumber('VERIFY_REHEARSE'),
  'restoreTests.searchPath': text('VERIFY_SEARCH_PATH'),
  'restoreTests.checks': text('VERIFY_CHECKS'),
  'concurrency.dumps': wholeNumber('DUMP_CONCURRENCY'),
  'concurrency.uploads': wholeNumber('UPLOAD_CONCURRENCY'),
  'concurrency.restoreTests': wholeNumber('VERIFY_CONCURRENCY'),
} as const satisfies Settings;

/** The keys of a destination that is a folder. */
export const folderSettings = {
  folder: text('COPY_DIR'),
  timeout: wholeNumber('COPY_TIMEOUT'),
  ...keepAt('COPY'),
} as const satisfies Settings;

/** The keys of a destination that is a bucket. */
export const bucketSettings = {
  bucket: text('S3_BUCKET'),
  prefix: text('S3_PREFIX'),
  endpoint: text('S3_ENDPOINT'),
  region: text('S3_REGION'),
  forcePathStyle: yesOrNo('S3_FORCE_PATH_STYLE'),
  storageClass: text('S3_STORAGE_CLASS'),
  sse: text('S3_SSE'),
  checksum: text('S3_CHECKSUM'),
  confirm: text('S3_CONFIRM'),
  timeout: wholeNumber('S3_TIMEOUT'),
  ...keepAt('S3'),
  accessKeyIdFile: file('AWS_ACCESS_KEY_ID'),
  accessKeyIdEnv: variable('AWS_ACCESS_KEY_ID'),
  secretAccessKeyFile: file('AWS_SECRET_ACCESS_KEY'),
  secretAccessKeyEnv: variable('AWS_SECRET_ACCESS_KEY'),
  sessionTokenFile: file('AWS_SESSION_TOKEN'),
  sessionTokenEnv: variable('AWS_SESSION_TOKEN'),
} as const satisfies Settings;

/** The keys of a destination of either kind. */
export const destinationSettings = { ...folderSettings, ...bucketSettings } as const satisfies Settings;

/** What stays at a destination; nothing is deleted there unless one of them is given. */
function keepAt(prefix: 'S3' | 'COPY') {
  return {
    'keep.last': wholeNumber(`${prefix}_KEEP_LAST`),
    'keep.hourly': wholeNumber(`${prefix}_KEEP_HOURLY`),
    'keep.daily': wholeNumber(`${prefix}_KEEP_DAILY`),
    'keep.weekly': wholeNumber(`${prefix}_KEEP_WEEKLY`),
    'keep.monthly': wholeNumber(`${prefix}_KEEP_MONTHLY`),
    'keep.yearly': wholeNumber(`${prefix}_KEEP_YEARLY`),
  } as const satisfies Settings;
}

/** Variables of which one takes the other's place, wherever that was set. */
export const ALTERNATIVES: readonly (readonly string[])[] = [['BACKUP_INTERVAL', 'BACKUP_CRON']];
