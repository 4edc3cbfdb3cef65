import { PermanentError, RetryableError, type FaultOptions } from '@pgstow/shared/runtime/errors.ts';
import { postgresError } from '../client/postgres-error.ts';
import { hintFor } from './restore-hints.ts';

export type RestoreErrorOptions = FaultOptions & {
  /** SQL state of a statement of the dump that failed, as in `23505`. */
  readonly sqlState?: string | undefined;
  /** Object of the failed statement: a table, or the object in the heading above it. */
  readonly object?: string | undefined;
  /** The server's further words. They may quote rows. */
  readonly detail?: string | undefined;
  /** Whether a statement of ours failed, before the first of the dump. */
  readonly isBeforeDump?: boolean;
};

/** The dump could not be restored, and nothing was changed, because all of it was rolled back. */
export class RestoreError extends PermanentError {
  override readonly name: string = 'RestoreError';
  readonly sqlState: string | undefined;
  readonly object: string | undefined;
  /** The message without the detail. */
  readonly summary: string;
  readonly isBeforeDump: boolean;

  constructor(
    summary: string,
    { sqlState, object, detail, isBeforeDump = false, ...options }: RestoreErrorOptions = {},
  ) {
    super(detail === undefined ? summary : `${summary}\ndetail: ${detail}`, options);
    this.summary = summary;
    this.sqlState = sqlState;
    this.object = object;
    this.isBeforeDump = isBeforeDump;
  }
}

/** The connection was lost after COMMIT was sent: what was restored is all there, or nothing is. */
export class OutcomeUnknownError extends PermanentError {
  override readonly name: string = 'OutcomeUnknownError';

  constructor(cause: unknown) {
    super('the connection was lost while the restore was being committed: it is there as a whole, or not at all', {
      hint: 'Look into the database before anything else.',
      cause,
    });
  }
}

/** A heading of pg_dump, and the line that it is in. */
export type Heading = { readonly line: number; readonly text: string };

/**
 * Makes an error of psql's last words with `VERBOSITY=verbose`.
 *
 * @param lines those that psql got before the dump's own text, and the first of them, in which errors change nothing
 * @param headings those that were sent last, in their order
 */
export function restoreError(
  stderr: string,
  ending: string,
  lines: { readonly lenient: number; readonly before: number },
  headings: readonly Heading[],
): RestoreError | PermanentError | RetryableError {
  const last = lastMessage(stderr, lines.lenient);
  if (last === undefined) return clientError(stderr, ending);
  const { line, severity, sqlState, rest } = last;
  const field = (name: string): string | undefined =>
    new RegExp(String.raw`^${name}:  ([\s\S]*?)(?=^[A-Z ]+:  |^psql:|$(?![\s\S]))`, 'm').exec(rest)?.[1]?.trim();
  const message = rest.split(/^[A-Z ]+:  |^LINE \d+: |^psql:/m, 1)[0]?.trim() ?? '';
  // The server has ended this connection, or has gone: another attempt may succeed. TimescaleDB alone ends it for good.
  const isOfLibrary = /must be preloaded/.test(message);
  if ((/^(?:FATAL|PANIC)$/.test(severity) && !isOfLibrary) || /^(?:57P|08P)/.test(sqlState))
    return new RetryableError(`the server ended the restore: ${sqlState} ${message}`);

  const lineOfDump = line === undefined ? undefined : line - lines.before;
  const isBefore = lineOfDump !== undefined && lineOfDump < 1;
  const copied = /^COPY (.*?)(?:, line (\d+).*)?$/m.exec(field('CONTEXT') ?? '');
  const table = [field('SCHEMA NAME'), field('TABLE NAME')].filter((part) => part !== undefined).join('.');
  const row = copied?.[2] === undefined ? '' : `, row ${copied[2]}`;
  const heading = lineOfDump === undefined ? undefined : describeHeading(headings, lineOfDump);
  const object = table || copied?.[1] || heading;
  const where = isBefore ? 'before the dump itself' : object === undefined ? 'the dump' : `${object}${row}`;
  const hint = hintFor({ sqlState, message, context: field('CONTEXT'), heading }) ?? serverHint(field('HINT'));
  return new RestoreError(`${where}: ${message} (${sqlState})`, {
    detail: field('DETAIL'),
    sqlState,
    object: isBefore ? undefined : object,
    isBeforeDump: isBefore,
    ...(hint === undefined ? {} : { hint }),
  });
}

type Message = {
  readonly line: number | undefined;
  readonly severity: string;
  readonly sqlState: string;
  /** The message itself and all that belongs to it. */
  readonly rest: string;
};

/** Finds the error that ended psql: the last message that is no warning, in whichever language. */
function lastMessage(stderr: string, lenient: number): Message | undefined {
  const found = [...stderr.matchAll(/^(?:psql:[^\n]*?:(\d+): )?(\S+?):  ([0-9A-Z]{5}): /gm)].findLast(
    ([, line, severity = '', sqlState = '']) =>
      (line === undefined || Number(line) > lenient) &&
      !/^(?:WARNING|NOTICE|INFO|LOG|DEBUG)$/.test(severity) &&
      !/^0[0-2]/.test(sqlState),
  );
  if (found === undefined) return undefined;
  const [head, line, severity = '', sqlState = ''] = found;
  return {
    line: line === undefined ? undefined : Number(line),
    severity,
    sqlState,
    rest: stderr.slice(found.index + head.length),
  };
}

function serverHint(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

/** psql itself failed: it did not get through to the server, or lost it, or did not understand a line. */
function clientError(stderr: string, ending: string): RestoreError | PermanentError | RetryableError {
  const said = stderr.trim();
  if (/invalid command \\(?:un)?restrict/.test(said)) {
    return new RestoreError(String.raw`psql is too old: it does not know \restrict`, {
      hint: 'Install psql 17.6, 16.10, 15.14, 14.19, 13.22 or newer.',
    });
  }
  if (/backslash commands are restricted/.test(said)) {
    return new RestoreError(`the dump holds a command for psql: ${said}`, {
      hint: 'It would run commands on this machine: find out where this dump comes from.',
    });
  }
  return postgresError(`psql ${ending}`, said);
}

/** The last heading at or before a line, as `TABLE DATA public.users`. */
function describeHeading(headings: readonly Heading[], line: number): string | undefined {
  const text = headings.findLast((heading) => heading.line <= line)?.text;
  const [, name, type, schema] = /Name: (.*?); Type: (.*?); Schema: (.*?);/s.exec(text ?? '') ?? [];
  if (name === undefined || type === undefined) return undefined;
  return `${type.toLowerCase()} ${schema === undefined || schema === '-' ? '' : `${schema}.`}${name}`;
}
