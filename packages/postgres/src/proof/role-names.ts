/** A name as pg_dump writes it. Takes bytes as latin1, in which the bytes of other characters are letters. */
const NAME = String.raw`(?:"(?:[^"]|"")*"(?!")|[\w$\x80-\xff]+)`;
/** Anything up to what follows, but never from within a name in double quotes. */
const BEFORE = String.raw`(?:"(?:[^"]|"")*"(?!")|[^"])*?`;
const QUALIFIED = String.raw`${NAME}(?:\.${NAME})?`;

/** How each statement of pg_dump's that names roles begins, what it holds before the name, and all of it. */
const FORMS: readonly (readonly [beginning: string, word: string, form: RegExp])[] = [
  ['ALTER ', ' OWNER TO ', form(String.raw`^ALTER ${BEFORE} OWNER TO (${NAME});\n$`)],
  ['ALTER DEFAULT PRIVILEGES ', ' ROLE ', form(String.raw`^ALTER DEFAULT PRIVILEGES FOR ROLE (${NAME}) `)],
  [
    'ALTER DEFAULT PRIVILEGES ',
    ' TO ',
    form(String.raw`^ALTER ${BEFORE} GRANT ${BEFORE} TO (${NAME})(?: WITH GRANT OPTION)?;\n$`),
  ],
  ['ALTER DEFAULT PRIVILEGES ', ' FROM ', form(String.raw`^ALTER ${BEFORE} REVOKE ${BEFORE} FROM (${NAME});\n$`)],
  ['GRANT ', ' TO ', form(String.raw`^GRANT ${BEFORE} TO (?:GROUP )?(${NAME})(?: WITH GRANT OPTION)?;\n$`)],
  ['REVOKE ', ' FROM ', form(String.raw`^REVOKE ${BEFORE} FROM (?:GROUP )?(${NAME});\n$`)],
  [
    'CREATE POLICY ',
    ' TO ',
    form(String.raw`^CREATE POLICY ${NAME} ON ${QUALIFIED}(?: AS \w+)?(?: FOR \w+)? TO (${NAME}(?:, ${NAME})*)`),
  ],
  ['CREATE USER MAPPING ', ' FOR ', form(String.raw`^CREATE USER MAPPING FOR (${NAME}) `)],
  ['CREATE SCHEMA ', 'AUTHORIZATION ', form(String.raw`^CREATE SCHEMA (?:${NAME} )?AUTHORIZATION (${NAME});\n$`)],
  ['SET SESSION AUTHORIZATION ', '', form(String.raw`^SET SESSION AUTHORIZATION (${NAME}|'(?:[^']|'')*');\n$`)],
];

function form(source: string): RegExp {
  return new RegExp(source);
}

const BEGINNING = /^(?:ALTER|GRANT|REVOKE|CREATE POLICY|CREATE USER MAPPING|CREATE SCHEMA|SET SESSION AUTHORIZATION) /;

/** Nearly every line fails at its first letter. */
const FIRST_LETTERS = new Set('AGRCS');

/** Not roles, where they stand without quotes. */
const KEYWORDS = new Set(['PUBLIC', 'CURRENT_USER', 'CURRENT_ROLE', 'SESSION_USER', 'DEFAULT']);

/** Names that no role can have, even quoted. pg_dump writes `public` for a user mapping of all roles. */
const RESERVED = new Set(['public', 'none']);

/** Judges by its first line whether a statement may name roles. */
export function mayNameRoles(line: string): boolean {
  return FIRST_LETTERS.has(line.charAt(0)) && BEGINNING.test(line);
}

/**
 * Finds the roles in a statement of pg_dump: owners, holders of rights, roles of a policy. It leaves out predefined roles:
 * they exist, or cannot be created.
 */
export function roleNamesIn(statement: string): readonly string[] {
  return FORMS.filter(([beginning, word]) => statement.startsWith(beginning) && statement.includes(word))
    .flatMap(([, , form]) => form.exec(statement)?.[1]?.match(EACH_NAME) ?? [])
    .filter((name) => !KEYWORDS.has(name))
    .map((name) => (/^["']/.test(name) ? unquote(name) : name))
    .filter((name) => !RESERVED.has(name) && !name.startsWith('pg_'));
}

const EACH_NAME = new RegExp(String.raw`${NAME}|'(?:[^']|'')*'`, 'g');

function unquote(name: string): string {
  const quote = name.charAt(0);
  return name.slice(1, -1).replaceAll(quote + quote, quote);
}
