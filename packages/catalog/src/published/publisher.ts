import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { isCatalogThere } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import { publishCatalog, type PublishOptions } from './publish-catalog.ts';

export type PublisherOptions = PublishOptions & {
  readonly log: Log;
  /** Half a minute by default. */
  readonly lookEveryMs?: number;
};

/** Time between looks whether the copy is still there: Redis may have been emptied. */
const LOOK_EVERY_MS = 30_000;
/** Age at which a copy is published again: a disk fills without a dump. */
const REPEAT_AFTER_MS = 10 * 60_000;
const STOP_LIMIT_MS = 2000;

/**
 * Publishes what a worker's folder holds: at the start, after each change, and now and then. No job waits for it or fails with
 * it: a failed publication is logged, and repeated soon.
 */
export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #timer: NodeJS.Timeout;
  #publishing: Promise<void> | undefined;
  #isWanted = false;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.lookEveryMs ?? LOOK_EVERY_MS).unref();
    this.publish();
  }

  /** Publishes soon, once for all changes until then. */
  publish(): void {
    this.#isWanted = true;
    this.#publishing ??= this.#publishWhileWanted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    // Publishing never ends while Redis is away.
    await Promise.race([this.#publishing, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
  }

  async #look(): Promise<void> {
    const { redis, scope, log } = this.#options;
    if (this.#publishing !== undefined || redis.status !== 'ready') return;
    try {
      const isOld = performance.now() - this.#lastAtMs > REPEAT_AFTER_MS;
      if (isOld || !(await isCatalogThere(redis, scope))) this.publish();
    } catch (error) {
      log.warn({ err: describeError(error) }, 'could not see whether the catalog is published');
    }
  }

  async #publishWhileWanted(): Promise<void> {
    const { log } = this.#options;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        const dumps = await publishCatalog(this.#options);
        this.#lastAtMs = performance.now();
        log.debug({ dumps }, 'published the catalog');
      }
    } catch (error) {
      this.#lastAtMs = Number.NEGATIVE_INFINITY;
      log.warn({ err: describeError(error) }, 'could not publish the catalog; it is tried again soon');
    } finally {
      this.#publishing = undefined;
    }
  }
}
