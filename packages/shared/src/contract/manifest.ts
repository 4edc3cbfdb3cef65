import { z } from 'zod';
import { backupNameSchema, parseBackupName, type BackupName } from './backup-name.ts';
import { databaseFactsSchema } from './database-facts.ts';
import { dumpNeedsSchema } from './dump-needs.ts';
import { globalsFactsSchema } from './globals-facts.ts';
import { sourceIdentitySchema } from './source-identity.ts';
import { suspicionSchema } from './suspicion.ts';
import { targetNameSchema } from './target.ts';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 lower-case hexadecimal digits');

/** The encryption of a dump by age. `bytes` and `sha256` of its manifest are the file's, which is the ciphertext. */
const encryptionSchema = z.strictObject({
  /** Public keys that it is encrypted to; absent from an adopted dump, whose file does not say. */
  recipients: z.array(z.string().min(1)).min(1).optional(),
  /** Size and sum of the gzip in it. */
  gzipBytes: z.int().positive(),
  gzipSha256: sha256Schema,
  /** Whether its manifest goes to destinations encrypted as well, as `sealedManifestFileName` names it. */
  sealsManifest: z.literal(true).optional(),
});

export type Encryption = z.infer<typeof encryptionSchema>;

const manifestFields = {
  version: z.literal(1),
  name: backupNameSchema,
  database: targetNameSchema,
  /** When the dump began; its snapshot is no older. For an adopted dump, the time in its name. */
  takenAt: z.iso.datetime(),
  /** `adopted`: found in the folder without a manifest, written by another tool, proven then. */
  origin: z.enum(['dumped', 'adopted']),
  recordedAt: z.iso.datetime(),
  /** Size of the file. */
  bytes: z.int().positive(),
  sha256: sha256Schema,
  /** Size of the SQL text in it. */
  sqlBytes: z.int().positive(),
  /** Rows per table as counted in the dump, by the table's SQL name; absent if the dump holds INSERTs. */
  tables: z.record(z.string(), z.int().nonnegative()).optional(),
  /** The source; absent from an earlier version's manifest, and from that of an adopted dump. */
  identity: sourceIdentitySchema.optional(),
  /** Earlier sources of this database's dumps. This one takes their place, once the dump counts. */
  formerSources: z.array(sourceIdentitySchema).optional(),
  /** The dump has shrunk beyond belief, or is of another source. Until a person accepts it, it does not count as a backup. */
  suspect: suspicionSchema.optional(),
  /** Tables of the dump whose emptiness a person has accepted once: it makes no later dump suspect. */
  emptiedTables: z.array(z.string()).optional(),
  /** Every role that the dump names: those that own things in it or hold rights on them. */
  roles: z.array(z.string().min(1)).optional(),
  /** Needs of the dump where it is restored; absent from an adopted dump's manifest, and from one of version 0.1. */
  needs: dumpNeedsSchema.optional(),
  /** The source's facts in the dump's own snapshot. */
  source: databaseFactsSchema.optional(),
  /** Facts of the globals, in their manifest alone; absent from that of an adopted dump. */
  globals: globalsFactsSchema.optional(),
  /** Absent from a dump that is not encrypted. */
  encryption: encryptionSchema.optional(),
  compressor: z.string().optional(),
  pgDumpVersion: z.string().optional(),
  serverVersion: z.string().optional(),
  durationMs: z.int().nonnegative().optional(),
};

/**
 * `NAME.manifest.json`: the facts of a whole, proven dump. It is written last, once the dump is proven and lies under its name.
 * A dump without a manifest does not count.
 */
export const manifestSchema = z
  .strictObject(manifestFields)
  .refine(isNamedAsItsDatabase, 'name and database differ')
  .refine(isTakenAsNamed, 'name and takenAt differ');

export type Manifest = z.infer<typeof manifestSchema>;

/** The findings of a dump's proof. */
export type ProvenContent = Pick<
  Manifest,
  'bytes' | 'sha256' | 'sqlBytes' | 'tables' | 'roles' | 'serverVersion' | 'encryption'
>;

function isNamedAsItsDatabase({ name, database }: { readonly name: string; readonly database: string }): boolean {
  return parseBackupName(name)?.database === database;
}

/** A dump's name has the next free second after it was taken. If the two are an hour apart, one is wrong. */
function isTakenAsNamed({ name, takenAt }: { readonly name: string; readonly takenAt: string }): boolean {
  const named = parseBackupName(name)?.takenAt.getTime() ?? Number.NaN;
  return Math.abs(named - Date.parse(takenAt)) < 3_600_000;
}

/** Rows in all tables of a dump; `undefined` where they were not counted. */
export function sumRows({ tables }: Pick<Manifest, 'tables'>): number | undefined {
  return tables && Object.values(tables).reduce((sum, rows) => sum + rows, 0);
}

/** What decisions need of a manifest: nothing that grows with the number of tables, because a folder may hold thousands. */
export type ManifestOutline = Omit<Manifest, 'version' | 'tables' | 'roles' | 'needs' | 'source' | 'globals'> & {
  /** Rows in all its tables, where they were counted. */
  readonly rows?: number | undefined;
};

export function outlineOf({
  version: _version,
  tables,
  roles: _roles,
  needs: _needs,
  source: _source,
  globals: _globals,
  ...outline
}: Manifest): ManifestOutline {
  const rows = sumRows({ tables });
  return rows === undefined ? outline : { ...outline, rows };
}

const passedOverSchema = z
  .strictObject({
    ...manifestFields,
    tables: z.custom<Manifest['tables']>(isRowCounts).optional(),
    source: z.custom<Manifest['source']>().optional(),
  })
  .refine(isNamedAsItsDatabase, 'name and database differ')
  .refine(isTakenAsNamed, 'name and takenAt differ');

const outlineSchema = passedOverSchema.transform(outlineOf);
const tablesSchema = passedOverSchema.transform((manifest) => ({ ...outlineOf(manifest), tables: manifest.tables }));

/**
 * Parses a manifest for its outline. The source's facts, nine tenths of it, are passed over unread where it is written as
 * pgstow writes it; code that needs them parses the manifest whole.
 *
 * @throws SyntaxError
 */
export const outlineParser = {
  safeParse: (text: Buffer) => outlineSchema.safeParse(JSON.parse(withoutSource(text))),
} as const;

/** The same, with the rows of each table. */
export const tablesParser = {
  safeParse: (text: Buffer) => tablesSchema.safeParse(JSON.parse(withoutSource(text))),
} as const;

const SOURCE = '\n  "source": {';
const END = '\n  }';

/**
 * A line break stands in no string of JSON, so the indentation alone says where the field of the outermost object ends. What is passed
 * over never becomes a string.
 */
function withoutSource(text: Buffer): string {
  const start = text.indexOf(SOURCE);
  const end = start < 0 ? -1 : text.indexOf(END, start + SOURCE.length);
  // A disk that lost its power may fill a block with zeros.
  if (end < 0 || text.includes(0)) return text.toString();
  return `${text.toString('utf8', 0, start)}${SOURCE}${text.toString('utf8', end + END.length - 1)}`;
}

/** The same as the schema says of them, which takes a third of the time that a whole folder takes. */
function isRowCounts(tables: unknown): boolean {
  if (tables === undefined) return true;
  if (typeof tables !== 'object' || tables === null || Array.isArray(tables)) return false;
  return Object.values(tables).every((rows) => Number.isSafeInteger(rows) && (rows as number) >= 0);
}

/** The manifest, encrypted as its dump is: what destinations get of one that `sealsManifest`. */
export function sealedManifestFileName(name: BackupName): string {
  return `${manifestFileName(name)}.age`;
}

/**
 * Name of a manifest while its dump gets its own name or is deleted. Under it, the manifest counts for nothing, but still
 * describes the file after a crash.
 */
export function withheldManifestFileName(name: BackupName): string {
  return `${manifestFileName(name)}.withheld`;
}

export function manifestFileName(name: BackupName): string {
  return `${name}.manifest.json`;
}
