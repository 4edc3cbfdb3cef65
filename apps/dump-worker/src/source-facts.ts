import { setTimeout as delay } from 'node:timers/promises';
import type { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { openSnapshot, type DumpSnapshot, type SnapshotOptions } from '@pgstow/postgres/dump/dump-snapshot.ts';
import type { AskedServer } from '@pgstow/postgres/facts/server-facts.ts';
import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { describeError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';

type Options = SnapshotOptions & { readonly server: AskedServer; readonly signal: AbortSignal; readonly log: Log };

/** Longer than any statement may take there. Without a limit, a server that vanished would keep a proven dump waiting for hours. */
const AFTER_DUMP_MS = 15 * 60_000;

/**
 * Facts of the source, read in the snapshot of its dump. They make a restore test worth more, and never cost a backup:
 * where they cannot be read, a warning is logged and the manifest goes without.
 */
export class SourceFacts implements AsyncDisposable {
  readonly #opened: DumpSnapshot | undefined;
  readonly #options: Options;
  #isDisposed = false;

  /** @throws the signal's reason once that is aborted */
  static async open(options: Options): Promise<SourceFacts> {
    try {
      return new SourceFacts(options, await openSnapshot(sessionOf(options.server), options));
    } catch (error) {
      options.signal.throwIfAborted();
      warn(options.log, error);
      return new SourceFacts(options, undefined);
    }
  }

  private constructor(options: Options, opened: DumpSnapshot | undefined) {
    this.#options = options;
    this.#opened = opened;
  }

  /** The snapshot for pg_dump; `undefined` if it has to take its own. */
  get snapshot(): string | undefined {
    return this.#opened?.id;
  }

  /** @param dumped ends when the dump does. Never rejects. */
  async read(dumped: Promise<unknown>): Promise<DatabaseFacts | undefined> {
    const isRead = new AbortController();
    try {
      return await Promise.race([this.#opened?.readFacts(dumped), failLate(dumped, isRead.signal)]);
    } catch (error) {
      // A dump that fails or is given up ends the session as well.
      if (!this.#isDisposed && !this.#options.signal.aborted) warn(this.#options.log, error);
      return undefined;
    } finally {
      isRead.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#opened?.[Symbol.asyncDispose]();
  }
}

/** @throws RetryableError if pg_dump could not connect beside the session that holds its snapshot */
function sessionOf({ session }: AskedServer): PsqlSession {
  if (session !== undefined) return session;
  throw new RetryableError('no second connection is left: role, database or server are at their limit', {
    hint: 'A dump takes two: ALTER ROLE … CONNECTION LIMIT 2; ALTER DATABASE … CONNECTION LIMIT 2; or max_connections.',
  });
}

/** Rejects once the dump has been over for too long. */
async function failLate(dumped: Promise<unknown>, signal: AbortSignal): Promise<never> {
  await dumped.catch(() => undefined);
  await delay(AFTER_DUMP_MS, undefined, { signal });
  throw new RetryableError(`the source did not answer within ${AFTER_DUMP_MS / 60_000} minutes of the dump`);
}

function warn(log: Log, error: unknown): void {
  log.warn(
    { err: describeError(error) },
    'the source could not be asked what the dump must hold; a restore test will compare less',
  );
}
