/** Why an error during a restore says nothing of the dump, and whether another attempt would meet it again. */
export type ScratchFault = { readonly why: string; readonly isLasting: boolean };

type Reading = ScratchFault & { readonly pattern: RegExp; readonly sqlState?: string };

function lasting(pattern: RegExp, why: string): Reading {
  return { pattern, why, isLasting: true };
}

/** Messages of a scratch server that itself lacks something. */
const READINGS: readonly Reading[] = [
  lasting(
    /could not open extension control file|extension ".*" is not available|has no installation script/s,
    'the scratch server lacks an extension',
  ),
  lasting(
    /could not access file ".*"|could not load library|could not find function ".*" in file/s,
    'the scratch server lacks a library',
  ),
  lasting(/could not open .* file ".*": No such file/s, 'the scratch server lacks a file that the database needs'),
  {
    pattern: /No space left on device|Disk quota exceeded/,
    sqlState: '53100',
    why: 'the disk of VERIFY_DIR is full',
    isLasting: false,
  },
  {
    pattern: /out of (?:shared )?memory|Cannot allocate memory|could not (?:resize|map) (?:shared )?memory/,
    sqlState: '53200',
    why: 'the scratch server has too little memory (VERIFY_MEMORY_LIMIT)',
    isLasting: false,
  },
  lasting(
    /collation ".*" .*does not exist|could not create locale|could not open collator|locale name|ICU is not supported|could not convert locale/s,
    'the scratch server lacks a collation',
  ),
  lasting(
    /shared_preload_libraries|must be preloaded|cron\.database_name/,
    'the scratch server does not load a library at its start that an extension wants',
  ),
  lasting(
    /security label provider ".*" is not loaded/s,
    'the scratch server does not load the library of an extension that sets security labels',
  ),
  lasting(/could not connect to server|\b08001\b/, 'restoring it asks another server, which no scratch server reaches'),
  lasting(/tablespace ".*" does not exist/s, 'the scratch server has no tablespaces'),
  lasting(
    /invalid input syntax for type money/,
    'the scratch server may lack the locale in which the source writes money (lc_monetary)',
  ),
  lasting(
    /time zone ".*" not recognized|invalid value for parameter "TimeZone"/s,
    'the scratch server lacks a time zone',
  ),
  lasting(/role ".*" does not exist/s, 'the scratch server lacks a role'),
  lasting(
    /unrecognized (?:configuration|subscription) parameter|psql is too old|invalid command \\/,
    'the dump is for another version of PostgreSQL',
  ),
  // An option of the dump leads to these.
  lasting(
    /made with --create|(?:CREATE|DROP|ALTER) DATABASE .*cannot/,
    'a dump that was made with --create cannot be restored into a scratch database',
  ),
];

/** Before the heading of any object, nothing but --clean names one. */
const CLEANS: ScratchFault = {
  why: 'a dump that was made with --clean, and without --if-exists, cannot be restored into an empty database',
  isLasting: true,
};

/** SQL states of syntax and names, constraints, schemas: what may be missing. */
const DEPENDS_ON_OTHERS = /^(?:23|3F|42)/;

/**
 * Messages of another collation, in which rows may belong to another partition and checks that compare texts may fail, and of
 * another encoding, in which texts may be invalid.
 */
const DEPENDS_ON_LOCALE =
  /violates (?:check|exclusion|partition) constraint|no partition of relation|invalid byte sequence for encoding|has no equivalent in encoding/;

/** An error of a restore. */
export type RestoreFault = {
  readonly message: string;
  /** The state of the statement that failed, if one did. */
  readonly sqlState?: string | undefined;
  /** The object under whose heading it stands. */
  readonly object?: string | undefined;
};

export type RestoreCircumstances = {
  /** True if the scratch server is known to have the encoding and collation of the source. */
  readonly isLikeSource: boolean;
  /** Options of pg_dump that leave things out. */
  readonly limitedBy: string | undefined;
};

/**
 * Finds out whether an error of a restore lies with the scratch server or with the options of the dump, and not with the dump.
 *
 * @returns `undefined` if the dump is to blame
 */
export function scratchFaultIn(
  { message, sqlState, object }: RestoreFault,
  { isLikeSource, limitedBy }: RestoreCircumstances,
): ScratchFault | undefined {
  if (!isLikeSource && DEPENDS_ON_LOCALE.test(message))
    return { why: 'the scratch server may have another collation or encoding than the source', isLasting: true };
  if (limitedBy !== undefined && DEPENDS_ON_OTHERS.test(sqlState ?? ''))
    return { why: `the dump leaves things out (${limitedBy}) that the rest may need`, isLasting: true };
  const known = READINGS.find(
    (reading) => reading.pattern.test(message) || (sqlState !== undefined && reading.sqlState === sqlState),
  );
  if (known !== undefined) return known;
  const isOfDump = sqlState !== undefined && object === undefined;
  return isOfDump && /does not exist/.test(message) ? CLEANS : undefined;
}
