import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DEADLINE_MS } from '../deadline.ts';
import { findProgram } from '../machine/find-program.ts';
import type { SystemUser } from '../machine/system-user.ts';
import { OutputLines, type OutputLine, type Stream } from './output-lines.ts';

export interface ProcessExit {
  /** The exit code, or `null` when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface BoundProcessOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the process: nothing is inherited (a stray PGPORT would leak in). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The user to run as instead of root. */
  readonly user?: SystemUser | undefined;
  /** The number of newest output lines to keep; 5,000 unless given. */
  readonly keepLines?: number;
  /** Whether `type` writes to its standard input, which is empty otherwise. */
  readonly isTypedTo?: boolean;
}

export interface WaitForLineOptions {
  /** `DEADLINE_MS` unless given. */
  readonly timeoutMs?: number;
  /** The `number` of the first line that counts; 0 (all kept lines) unless given. */
  readonly fromLine?: number;
}

/**
 * A child process that cannot outlive this one: it is killed on dispose, when this process exits, and, where there is
 * setpriv (Linux), even when this process is killed. It leads its own process group, so that Ctrl-C in a terminal reaches
 * only this process, which then ends its children in its own order.
 */
export class BoundProcess implements AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process has ended and all it wrote has been read. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #output: OutputLines;
  #exit: ProcessExit | undefined;

  /** Throws when there is no such command. */
  static async start(options: BoundProcessOptions): Promise<BoundProcess> {
    const program = options.command.includes('/') ? options.command : findProgram(options.command);
    if (program === undefined || !existsSync(program))
      throw new Error(`wanted a program to start, found no ${options.command}`);
    const [command, ...args] = [...boundTo(options.user), program, ...(options.args ?? [])] as [string, ...string[]];
    const child = spawn(command, args, {
      env: options.env,
      cwd: options.cwd,
      detached: true,
      stdio: [options.isTypedTo === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      ...(options.user && !findProgram('setpriv') ? { uid: options.user.uid, gid: options.user.gid } : {}),
    });
    await once(child, 'spawn');
    return new BoundProcess(child, options);
  }

  private constructor(child: ChildProcess, { command, keepLines }: BoundProcessOptions) {
    this.pid = child.pid as number;
    this.#child = child;
    this.#command = command;
    this.#output = new OutputLines(keepLines ?? 5_000);
    for (const stream of ['stdout', 'stderr'] satisfies Stream[]) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => this.#output.write(stream, text));
    }
    // The process may end before it has read everything.
    child.stdin?.on('error', () => undefined);
    killAtExit(this);
    this.exited = new Promise((resolve) => {
      // 'close' waits for the pipes, which a grandchild may hold open for ever: so 'exit' counts too, a moment later.
      child.once('close', resolve);
      child.once('exit', () => void delay(1_000, undefined, { ref: false }).then(resolve));
    }).then(() => {
      living.delete(this);
      this.#output.end();
      return (this.#exit = { code: child.exitCode, signal: child.signalCode });
    });
  }

  /** How the process ended, or `undefined` while it runs. */
  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  /** The newest output lines of both streams, in order. */
  get lines(): readonly OutputLine[] {
    return this.#output.lines;
  }

  /** The newest output as text, for error messages: at most 8 KiB. */
  get tail(): string {
    return this.#output.tail();
  }

  /** Writes to its standard input; see `isTypedTo`. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Sends a signal to the process alone, not to its children. Returns false when it has ended. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child.kill(name);
  }

  /** The first line that fits, already written or to come. Throws, with the newest output, when none comes in time or the process ends first. */
  async waitForLine(
    wanted: RegExp | ((line: OutputLine) => boolean),
    { timeoutMs = DEADLINE_MS, fromLine = 0 }: WaitForLineOptions = {},
  ): Promise<OutputLine> {
    const fits = wanted instanceof RegExp ? (line: OutputLine) => wanted.test(line.text) : wanted;
    const found = await this.#output.find((line) => line.number >= fromLine && fits(line), timeoutMs);
    if (found) return found;
    const state = this.#exit ? `the process ${describeExit(this.#exit)}` : `none came within ${timeoutMs} ms`;
    throw new Error(
      `wanted a line ${String(wanted)} from ${this.#command}, but ${state}; its newest output:\n${this.tail}`,
    );
  }

  /** How the process ended. Throws, with the newest output, when it still runs after `timeoutMs` (`DEADLINE_MS` unless given). */
  async waitForExit({ timeoutMs = DEADLINE_MS }: { readonly timeoutMs?: number } = {}): Promise<ProcessExit> {
    const timer = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    const exit = await Promise.race([this.exited, late]);
    timer.abort();
    if (exit) return exit;
    throw new Error(
      `wanted ${this.#command} to end within ${timeoutMs} ms, but it still runs; its newest output:\n${this.tail}`,
    );
  }

  /** Asks with a signal, then kills after `graceMs` (`DEADLINE_MS` unless given). */
  async stop(name: NodeJS.Signals = 'SIGTERM', graceMs = DEADLINE_MS): Promise<ProcessExit> {
    this.signal(name);
    try {
      return await this.waitForExit({ timeoutMs: graceMs });
    } catch {
      return await this.kill();
    }
  }

  /** Kills the process alone with SIGKILL, as a crash would, and waits for its end. */
  async kill(): Promise<ProcessExit> {
    this.signal('SIGKILL');
    return await this.exited;
  }

  /** Kills the process and all in its group. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.killGroup();
    await this.exited;
  }

  /** Kills the process and its group without waiting. */
  killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // The group is empty.
    }
  }
}

/** The processes to kill when this one exits. One listener serves them all: Node warns of more than ten. */
const living = new Set<BoundProcess>();

function killAtExit(child: BoundProcess): void {
  if (living.size === 0) {
    process.off('exit', killLiving);
    process.on('exit', killLiving);
  }
  living.add(child);
}

function killLiving(): void {
  for (const child of living) child.killGroup();
}

/** How a process ended, for messages. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal ? `was ended by ${signal}` : `exited with code ${code}`;
}

function boundTo(user: SystemUser | undefined): readonly string[] {
  const setpriv = findProgram('setpriv');
  if (!setpriv) return [];
  const identity = user ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] : [];
  return [setpriv, '--pdeathsig', 'KILL', ...identity, '--'];
}
