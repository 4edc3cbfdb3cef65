import { parseArgsStringToArgv } from 'string-argv';

/** pg_dump's options that take no argument and leave the output one plain SQL text of this database. */
const FLAGS = new Set(
  `-a --data-only -b --large-objects --blobs -B --no-large-objects --no-blobs -c --clean -C --create --if-exists
  -O --no-owner -s --schema-only -x --no-privileges --no-acl -v --verbose --attribute-inserts --column-inserts --inserts
  --disable-dollar-quoting --disable-triggers --load-via-partition-root --no-comments --no-data --no-policies
  --no-publications --no-schema --no-security-labels --no-statistics --no-subscriptions --no-table-access-method
  --no-tablespaces --no-toast-compression --no-unlogged-table-data --on-conflict-do-nothing --quote-all-identifiers
  --sequence-data --serializable-deferrable --statistics --statistics-only --strict-names --use-set-session-authorization`.split(
    /\s+/,
  ),
);

/** The same for options that take an argument. */
const WITH_ARGUMENT = new Set(
  `-e --extension -E --encoding -n --schema -N --exclude-schema -S --superuser -t --table -T --exclude-table
  --exclude-extension --exclude-table-and-children --exclude-table-data --exclude-table-data-and-children
  --extra-float-digits --filter --include-foreign-data --restrict-key --role --rows-per-insert --section
  --table-and-children`.split(/\s+/),
);

/** Known, and refused with a reason. */
const REFUSED = new Map<string, string>([
  ...because(
    'changes the output, which pgstow sets itself',
    '-f --file -F --format -Z --compress -j --jobs --sync-method --no-sync',
  ),
  ...because(
    'changes the connection; set POSTGRES_HOST, POSTGRES_PORT, POSTGRES_USER, POSTGRES_DB instead',
    '-h --host -p --port -U --username -d --dbname -w --no-password -W --password',
  ),
  ...because('dumps nothing', '-V --version -? --help'),
  ...because('leaves out rows that the role may not see, without saying so', '--enable-row-security'),
  ...because('is set by pgstow itself', '--lock-wait-timeout --snapshot'),
]);

function because(reason: string, options: string): readonly [string, string][] {
  return options.split(' ').map((option) => [option, reason]);
}

/**
 * Splits `POSTGRES_EXTRA_OPTS` as a shell splits words, but a backslash stands for itself. Lets through only options that are
 * known to be harmless, each written in full: pg_dump itself takes any unambiguous beginning (`--fil=/tmp/x`) and several short
 * options in one word.
 *
 * Source: https://www.postgresql.org/docs/18/app-pgdump.html
 */
export function parseExtraOptions(text: string, report: (fault: string) => void): readonly string[] {
  if (!/^(?:[^'"]|'[^']*'|"[^"]*")*$/.test(text)) report('a quote in it is not closed');
  const words = parseArgsStringToArgv(text);
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const [option, argument] = splitOption(word);
    if (FLAGS.has(option) && argument === undefined) continue;
    if (WITH_ARGUMENT.has(option)) {
      if (argument !== undefined) continue;
      i += 1;
      if (words[i] === undefined) report(`${option} needs an argument`);
      continue;
    }
    const reason = REFUSED.get(option) ?? REFUSED.get(option.slice(0, 2));
    report(
      `${JSON.stringify(word)} ${reason ?? 'is not an option of pg_dump that pgstow lets through (write long names in full and short ones apart)'}`,
    );
  }
  return words;
}

/** The words that `parseExtraOptions` let through, as options with their arguments. */
export function pairExtraOptions(words: readonly string[]): readonly (readonly [option: string, argument?: string])[] {
  const pairs: [string, string?][] = [];
  for (let i = 0; i < words.length; i += 1) {
    const [option, argument] = splitOption(words[i] ?? '');
    if (argument !== undefined) pairs.push([option, argument]);
    else if (WITH_ARGUMENT.has(option)) pairs.push([option, words[(i += 1)] ?? '']);
    else pairs.push([option]);
  }
  return pairs;
}

/** `--table=x` and `-tx` to option and argument. */
function splitOption(word: string): [string, string?] {
  if (word.startsWith('--')) {
    const at = word.indexOf('=');
    return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)];
  }
  return /^-[A-Za-z?]./.test(word) ? [word.slice(0, 2), word.slice(2)] : [word];
}
