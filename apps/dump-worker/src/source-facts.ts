import { setTimeout as delay } from 'node:timers/promises';
import { openSnapshot, type DumpSnapshot, type SnapshotOptions } from '@pgstow/postgres/dump/dump-snapshot.ts';
import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { describeError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';

type Options = SnapshotOptions & { readonly log: Log };

/** Longer than any statement may take there. A server that is gone without a word would keep a proven dump waiting for hours. */
const AFTER_DUMP_MS = 15 * 60_000;

/**
 * What the source says of itself in the snapshot of its dump. It is there to make a restore test worth more, and never
 * costs a backup: where it cannot be had, there is a warning, and the manifest goes without.
 */
export class SourceFacts implements AsyncDisposable {
  readonly #opened: DumpSnapshot | undefined;
  readonly #options: Options;
  #isDisposed = false;

  /** @throws the signal's reason once that is aborted */
  static async open(options: Options): Promise<SourceFacts> {
    try {
      return new SourceFacts(options, await openSnapshot(options));
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

  /** For pg_dump to take; `undefined` if it has to take its own. */
  get snapshot(): string | undefined {
    return this.#opened?.id;
  }

  /** @param dumped ends when the dump does. Never rejects. */
  async read(dumped: Promise<unknown>): Promise<DatabaseFacts | undefined> {
    const isRead = new AbortController();
    try {
      return await Promise.race([this.#opened?.readFacts(dumped), failLate(dumped, isRead.signal)]);
    } catch (error) {
      // With a dump that failed or was given up, the session was ended.
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

/** Rejects once a dump has been over for too long. */
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
