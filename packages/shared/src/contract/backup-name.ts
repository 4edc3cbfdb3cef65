import { z } from 'zod';
import { databaseNameSchema, GLOBALS, LONGEST_TARGET } from './target.ts';

/**
 * A dump's file name, `backup_<database>_<YYYYMMDD>_<HHMMSS>.sql.gz`, the time in UTC, with `.age` behind it if the dump is encrypted.
 * For `GLOBALS`, `globals` stands in place of `backup_<database>`. Names of these forms are the only ones that pgstow ever reads, uploads
 * or deletes.
 */
export type BackupName = string & { readonly brand: unique symbol };

export type BackupNameParts = {
  /** The database's own name, decoded, or `GLOBALS`. */
  readonly database: string;
  /** Seconds precision, UTC. */
  readonly takenAt: Date;
};

/** The beginnings of all names. */
export const NAME_BEGINNINGS = ['backup_', 'globals_'] as const;

const PATTERN = /^(?:backup_([A-Za-z0-9_-]{1,176})|globals)_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)\.sql\.gz(\.age)?$/;

/** Ending of the name of a dump that is encrypted. */
const ENCRYPTED = '.age';

/** Whether a dump is encrypted by age. */
export function isEncrypted(name: BackupName): boolean {
  return name.endsWith(ENCRYPTED);
}

/** @throws RangeError if the time is not a valid date. */
export function formatBackupName(database: string, takenAt: Date, encrypted = false): BackupName {
  const [date, time] = takenAt.toISOString().slice(0, 19).split('T') as [string, string];
  const encoded = encodeDatabase(database, encrypted ? LONGEST_ENCODED - 9 : LONGEST_ENCODED);
  const beginning = database === GLOBALS ? 'globals' : `backup_${encoded}`;
  const ending = encrypted ? `.sql.gz${ENCRYPTED}` : '.sql.gz';
  return `${beginning}_${date.replaceAll('-', '')}_${time.replaceAll(':', '')}${ending}` as BackupName;
}

/** The parts of a name, or `undefined` if it is not exactly one that `formatBackupName` writes. */
export function parseBackupName(name: BackupName): BackupNameParts;
export function parseBackupName(name: string): BackupNameParts | undefined;
export function parseBackupName(name: string): BackupNameParts | undefined {
  // A record is asked several times in a row what its name says, and most files of a folder are no dumps.
  if (name === last.name) return last.parts;
  if (!name.endsWith('.sql.gz') && !name.endsWith('.sql.gz.age')) return undefined;
  last = { name, parts: readParts(name) };
  return last.parts;
}

/** The name that was parsed last. */
let last: { readonly name: string; readonly parts: BackupNameParts | undefined } = { name: '', parts: undefined };

function readParts(name: string): BackupNameParts | undefined {
  const [, encoded, year, month, day, hours, minutes, seconds, ending] = PATTERN.exec(name) ?? [];
  if (year === undefined) return undefined;
  const database = encoded === undefined ? GLOBALS : decodeDatabase(encoded);
  if (database === undefined) return undefined;
  const takenAt = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  if (Number.isNaN(takenAt.getTime())) return undefined;
  // 31 February parses as 3 March: only a name that says the same thing again is ours.
  return formatBackupName(database, takenAt, ending !== undefined) === name ? { database, takenAt } : undefined;
}

export function isBackupName(name: string): name is BackupName {
  return parseBackupName(name) !== undefined;
}

export const backupNameSchema = z
  .string()
  .refine(
    isBackupName,
    'a backup is named backup_<database>_<YYYYMMDD>_<HHMMSS>.sql.gz or globals_<YYYYMMDD>_<HHMMSS>.sql.gz, or so with .age',
  );

/**
 * Keeps the longest file name, that of a half-written receipt, within the 255 bytes that a file name may have. Names of encrypted dumps
 * are longer, so they have less.
 */
const LONGEST_ENCODED = 176;

/**
 * Database names may hold what file names and object keys may not. A name of letters, digits, `_` and `-` stands as it
 * is. Any other is written as `--` followed by its UTF-8 bytes, each either itself (letters, digits, `_`) or `-XX` in
 * upper-case hexadecimal: percent-encoding with `-` for `%`. `my db` becomes `--my-20db`. Where that is longer than 176
 * characters (167 if the dump is encrypted), it is `----` followed by all bytes in upper-case hexadecimal, 126 digits at most.
 */
function encodeDatabase(database: string, longest: number): string {
  if (/^[A-Za-z0-9_-]+$/.test(database) && !database.startsWith('--')) return database;
  const bytes = Array.from(new TextEncoder().encode(database), (byte) => ({
    character: String.fromCharCode(byte),
    hex: byte.toString(16).toUpperCase().padStart(2, '0'),
  }));
  const escaped = bytes.map(({ character, hex }) => (/[A-Za-z0-9_]/.test(character) ? character : `-${hex}`)).join('');
  if (escaped.length + 2 <= longest) return `--${escaped}`;
  return `----${bytes.map(({ hex }) => hex).join('')}`;
}

function decodeDatabase(encoded: string): string | undefined {
  // Another tool's name may be too long for a database. It stands as it is, so each character is a byte.
  if (!encoded.startsWith('--')) return encoded.length <= LONGEST_TARGET ? encoded : undefined;
  const percented = /^----(?:[0-9A-F]{2})+$/.test(encoded)
    ? encoded.slice(4).replaceAll(/../g, '%$&')
    : encoded.slice(2).replaceAll('-', '%');
  try {
    const database = decodeURIComponent(percented);
    return databaseNameSchema.safeParse(database).success ? database : undefined;
  } catch {
    return undefined;
  }
}
