import { basicAuthorization } from '@pgstow/shared/config/values/notify-url.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { Redact } from '@pgstow/shared/runtime/log/redact.ts';
import type { Background } from '../background.ts';
import { request } from '../channels/request.ts';
import { retryQuickly } from '../channels/send.ts';
import { pingUrl, type Ping } from './heartbeat-url.ts';
import { runIdOf } from './run-id.ts';

export type HeartbeatOptions = {
  /** May contain `{database}` and `{server}`; `undefined`: no heartbeat. */
  readonly url: string | undefined;
  /** `undefined`: that of stack.env. */
  readonly server?: string | undefined;
  readonly background: Background;
  readonly log: Log;
  readonly redact: Redact;
};

/** Enough for a reason; healthchecks.io shows it beside the ping. */
const LONGEST_TEXT = 1000;

/** Pings a check for each backup, so that silence is an alarm. A ping delays and fails nothing: its fault is logged. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** The last ping of each database: a slow start must not arrive after its end. */
  readonly #last = new Map<string, Promise<void>>();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** @param run identifies the run: the dump's name or, before there is one, the job's id */
  starts(database: string, run: string): void {
    this.#ping(database, 'start', run);
  }

  succeeds(database: string, run: string): void {
    this.#ping(database, 'success', run);
  }

  /** @param text the reason, for readers of the check */
  fails(database: string, run: string, text: string): void {
    this.#ping(database, 'fail', run, this.#options.redact(text).slice(0, LONGEST_TEXT));
  }

  #ping(database: string, ping: Ping, run: string, text?: string): void {
    if (this.#options.url === undefined) return;
    const url = pingUrl(this.#options.url, { server: this.#options.server, database }, ping, runIdOf(run));
    const before = this.#last.get(database);
    this.#options.background.run('send a heartbeat', async (signal) => {
      const sent = (before ?? Promise.resolve()).then(() => this.#send(url, { database, ping, run }, text, signal));
      this.#last.set(database, sent);
      await sent;
      if (this.#last.get(database) === sent) this.#last.delete(database);
    });
  }

  async #send(
    url: URL,
    sent: { readonly database: string; readonly ping: Ping; readonly run: string },
    text: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, redact } = this.#options;
    const authorization = basicAuthorization(url);
    url.username = '';
    url.password = '';
    const attempt = (): Promise<string> =>
      request(url.href, {
        method: text === undefined ? 'GET' : 'POST',
        headers: {
          ...(text !== undefined && { 'content-type': 'text/plain; charset=utf-8' }),
          ...(authorization !== undefined && { authorization }),
        },
        body: text,
        isQuotable: false,
        signal,
      });
    try {
      // A late start would give the wrong time.
      await (sent.ping === 'start' ? attempt() : retryQuickly(attempt, signal));
      log.debug(sent, 'heartbeat sent');
    } catch (error) {
      log.warn({ ...sent, host: url.host, err: redact(describeError(error)) }, 'heartbeat was not taken');
    }
  }
}
