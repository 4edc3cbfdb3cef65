import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../../config/read-config.ts';
import { describeError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { repeat, type Repeated } from '../repeat.ts';

/** What is opened for one server; its stack closes that once the server is gone, has changed or the process ends. */
export type ServerProcess<Config> = {
  /** `undefined`: that of stack.env. */
  readonly server: string | undefined;
  readonly config: Config;
  readonly log: Log;
  readonly stack: AsyncDisposableStack;
};

/** The servers that a text of TARGETS_FILE asks for. */
export type ServersReading<Config> = {
  readonly servers: readonly { readonly name: string; readonly config: Config }[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
};

export type ServersOptions<Config, Context> = {
  /** Of the server of stack.env. */
  readonly config: Config & { readonly targets: { readonly file: string | undefined } };
  readonly readServers: (text: string) => Promise<ServersReading<Config>>;
  readonly open: (server: ServerProcess<Config>) => Promise<Context>;
  /** The last text of the file that had no fault, for a process that starts while it has one; `undefined` if none is known. */
  readonly readLastGood: () => Promise<string | undefined>;
  /** Called with the text of the file once its servers are served. */
  readonly onTaken?: (text: string, names: readonly string[]) => Promise<void>;
  /** Called when the file has got a fault, another fault, or none any more. */
  readonly onFault?: (fault: string | undefined) => void;
  readonly log: Log;
  /** Two seconds by default. */
  readonly lookEveryMs?: number;
};

type Opened<Config, Context> = {
  readonly config: Config;
  readonly context: Context;
  readonly stack: AsyncDisposableStack;
  /** Work that uses it, and must end before it is closed. */
  readonly running: Set<Promise<unknown>>;
};

/** How a server is configured, and how much other work it has. */
export type Use<Config> = { readonly config: Config; readonly running: number };

const LOOK_EVERY_MS = 2000;

/**
 * The servers of a process, each with what is opened for it: that of stack.env, and those of TARGETS_FILE. A changed file takes
 * effect once two looks have found the same, so that a file that is just being written is not taken for a whole one. A faulty one
 * changes nothing.
 */
export class Servers<Config, Context> implements AsyncDisposable {
  readonly #options: ServersOptions<Config, Context>;
  readonly #opened = new Map<string | undefined, Opened<Config, Context>>();
  readonly #closing = new Set<Promise<void>>();
  #looking: Repeated | undefined;
  /** What the last look found; an error counts as its own text. */
  #seen: string | undefined;
  #judged: string | undefined;
  #fault: string | undefined;

  /** @throws ConfigError if the file is faulty and no earlier one is known; what opening a server throws */
  static async open<Config, Context>(options: ServersOptions<Config, Context>): Promise<Servers<Config, Context>> {
    const servers = new Servers(options);
    try {
      await servers.#start();
      return servers;
    } catch (error) {
      await servers[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: ServersOptions<Config, Context>) {
    this.#options = options;
  }

  /** Why the file has not taken effect; `undefined`: it has. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Names of the servers of TARGETS_FILE. */
  get names(): readonly string[] {
    return [...this.#opened.keys()].filter((name) => name !== undefined);
  }

  /** What is opened for each server, that of stack.env first. */
  get contexts(): readonly Context[] {
    return [...this.#opened.values()].map(({ context }) => context);
  }

  contextOf(server: string | undefined): Context | undefined {
    return this.#opened.get(server)?.context;
  }

  /** Works with a server's context, which stays open meanwhile. @returns `undefined` if there is no such server */
  run<T>(server: string | undefined, work: (context: Context, use: Use<Config>) => Promise<T>): Promise<T> | undefined {
    const opened = this.#opened.get(server);
    if (opened === undefined) return undefined;
    const running = work(opened.context, { config: opened.config, running: opened.running.size });
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    opened.running.add(ended);
    void ended.then(() => opened.running.delete(ended));
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking?.[Symbol.asyncDispose]();
    for (const name of [...this.#opened.keys()].toReversed()) this.#close(name);
    await Promise.all(this.#closing);
  }

  async #start(): Promise<void> {
    const { config, log, lookEveryMs = LOOK_EVERY_MS } = this.#options;
    this.#opened.set(undefined, await this.#openOne(undefined, config));
    if (config.targets.file === undefined) return;
    const text = await this.#readFile(config.targets.file);
    this.#seen = textOf(text);
    const faults = await this.#take(text);
    if (faults !== undefined) {
      const lastGood = await this.#options.readLastGood();
      const others = lastGood === undefined ? faults : await this.#take(lastGood, false);
      if (others !== undefined) throw new ConfigError(faults);
      this.#judge(faults);
    }
    this.#looking = repeat(
      lookEveryMs,
      () => this.#look(config.targets.file ?? ''),
      (error) => log.error({ err: describeError(error) }, 'could not look whether TARGETS_FILE has changed'),
    );
  }

  async #look(file: string): Promise<void> {
    const text = await this.#readFile(file);
    const isSettled = textOf(text) === this.#seen;
    this.#seen = textOf(text);
    // A fault may end without a change: a secret's file is there now, or a folder can be written.
    if (!isSettled || (this.#seen === this.#judged && this.#fault === undefined)) return;
    this.#judge(await this.#take(text));
  }

  #judge(faults: readonly string[] | undefined): void {
    const before = this.#fault;
    this.#fault = faults && `TARGETS_FILE has not taken effect, and what it said before goes on: ${faults.join('; ')}`;
    this.#judged = this.#seen;
    if (this.#fault === before) return;
    this.#options.onFault?.(this.#fault);
    if (this.#fault !== undefined) this.#options.log.error(this.#fault);
    else this.#options.log.info('TARGETS_FILE has no fault any more, and has taken effect');
  }

  /** Serves the servers of a text. @returns the faults because of which nothing has changed */
  async #take(text: string | Error, isFile = true): Promise<readonly string[] | undefined> {
    if (text instanceof Error) return [`it cannot be read: ${describeError(text)}`];
    const { servers, faults, warnings } = await this.#options.readServers(text);
    if (faults.length > 0) return faults;
    const changed = servers.filter(({ name, config }) => !isDeepStrictEqual(this.#opened.get(name)?.config, config));
    const opened = new Map<string, Opened<Config, Context>>();
    try {
      for (const { name, config } of changed) opened.set(name, await this.#openOne(name, config));
    } catch (error) {
      for (const { stack } of opened.values()) await stack.disposeAsync();
      return [describeError(error)];
    }
    for (const warning of warnings) this.#options.log.warn(warning);
    const wanted = new Set(servers.map(({ name }) => name));
    for (const name of this.names) if (!wanted.has(name) || opened.has(name)) this.#close(name);
    for (const [name, each] of opened) this.#opened.set(name, each);
    if (isFile) this.#judged = this.#seen;
    if (isFile) await this.#options.onTaken?.(text, this.names);
    this.#options.log.info({ servers: this.names }, 'serving the servers of TARGETS_FILE');
    return undefined;
  }

  async #openOne(server: string | undefined, config: Config): Promise<Opened<Config, Context>> {
    const log = server === undefined ? this.#options.log : this.#options.log.child({ server });
    await using stack = new AsyncDisposableStack();
    const context = await this.#options.open({ server, config, log, stack });
    return { config, context, stack: stack.move(), running: new Set() };
  }

  /** Closes what was opened for a server once nothing uses it. */
  #close(name: string | undefined): void {
    const opened = this.#opened.get(name);
    if (opened === undefined) return;
    this.#opened.delete(name);
    const closing = Promise.all(opened.running)
      .then(() => opened.stack.disposeAsync())
      .catch((error: unknown) =>
        this.#options.log.warn({ server: name, err: describeError(error) }, 'could not close a server'),
      )
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #readFile(file: string): Promise<string | Error> {
    return readFile(file, 'utf8').catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    );
  }
}

function textOf(text: string | Error): string {
  return text instanceof Error ? `\0${text.message}` : text;
}
