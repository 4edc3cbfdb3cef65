import { randomBytes } from 'node:crypto';
import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from '../client/client-version.ts';
import { judgePsql } from '../client/psql-version-policy.ts';
import { readPsqlVersion } from '../client/read-psql-version.ts';
import type { DumpFile } from '../proof/dump-file.ts';
import { assertPsqlFitsDump } from './assert-psql-fits-dump.ts';
import { restoreError, RestoreError, type Heading } from './restore-error.ts';
import { runRestoreThread } from './restore-thread.ts';
import { SESSION, sessionSettings } from './session-settings.ts';
import { feedPsql, writeAll } from './start-psql.ts';

export type ListRefusedOptions = DumpFile & {
  readonly clients: Clients;
  /** libpq's environment for an empty database, `PGDATABASE` included. */
  readonly env: Readonly<Record<string, string>>;
  readonly needs?: DumpNeeds | undefined;
  readonly runAs?: readonly string[];
  readonly signal: AbortSignal;
};

/**
 * Makes the schema of a dump in a database that is thrown away, past every error, and returns the first one of each object. Rows
 * are left out: behind a table that was refused, psql would take them for SQL.
 *
 * @throws PermanentError | RetryableError if the dump or the server is lost; the signal's reason once that is aborted
 */
export async function listRefused(options: ListRefusedOptions): Promise<readonly RestoreError[]> {
  const { path, identityFile, signal } = options;
  const file = { path, identityFile };
  const version = await readPsqlVersion(options.clients);
  await assertPsqlFitsDump(version, file);
  const prelude = [
    SESSION,
    ...sessionSettings(options.needs),
    ...(judgePsql(version).knowsRestrict ? [String.raw`\restrict ${randomBytes(24).toString('hex')}`] : []),
    '',
  ].join('\n');
  await using fed = await feedPsql({ ...options, kept: 'beginning' }, signal);
  const { psql, input } = fed;
  await writeAll(input, prelude);
  const outcome = await runRestoreThread({
    file,
    fd: input.fd,
    changes: { tablespaces: [], leavesOutRows: true },
  });
  signal.throwIfAborted();
  if (outcome.kind === 'refused' || outcome.kind === 'locked') throw new PermanentError(outcome.message);
  if (outcome.kind === 'unreadable') throw new RetryableError(`cannot read the dump: ${outcome.message}`);
  await input.close();
  const { exitCode, ending } = await psql.ended;
  signal.throwIfAborted();
  if (outcome.kind === 'lost psql' || exitCode !== 0) throw new RetryableError(`psql ${ending}: ${psql.said()}`);
  return firstErrors(psql.said(), ending, prelude.split('\n').length, outcome.headings);
}

/** An error with all that belongs to it, up to the next one. */
const ERROR = /^psql:[^\n]*?:(\d+): ERROR:  [\s\S]*?(?=^psql:[^\n]*?:\d+: |$(?![\s\S]))/gm;

/** Errors of settings of the session come before the dump, those of data from what was refused. */
function firstErrors(
  said: string,
  ending: string,
  firstLine: number,
  headings: readonly Heading[],
): readonly RestoreError[] {
  const byHeading = new Map<Heading | string, RestoreError>();
  for (const [text, line = ''] of said.matchAll(ERROR)) {
    const lineOfDump = Number(line) - firstLine + 1;
    if (lineOfDump < 1) continue;
    const heading = headings.findLast((each) => each.line <= lineOfDump);
    if (heading?.text.startsWith('-- Data for ') === true) continue;
    const error = restoreError(text, ending, { lenient: 0, before: firstLine - 1 }, headings);
    const key = heading ?? error.message;
    if (error instanceof RestoreError && !byHeading.has(key)) byHeading.set(key, error);
  }
  return [...byHeading.values()];
}
