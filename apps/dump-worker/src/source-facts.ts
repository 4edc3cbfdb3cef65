import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { openSnapshot, type DumpSnapshot, type SnapshotOptions } from '@pgstow/postgres/dump-snapshot.ts';

type Options = SnapshotOptions & { readonly log: Log };

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
    try {
      return await this.#opened?.readFacts(dumped);
    } catch (error) {
      // With a dump that failed or was given up, the session was ended.
      if (!this.#isDisposed && !this.#options.signal.aborted) warn(this.#options.log, error);
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#opened?.[Symbol.asyncDispose]();
  }
}

function warn(log: Log, error: unknown): void {
  log.warn(
    { err: describeError(error) },
    'the source could not be asked what the dump must hold; a restore test will compare less',
  );
}
