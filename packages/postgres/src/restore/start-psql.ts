import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { boundToUs } from '../client/bound-to-us.ts';
import type { Clients } from '../client/client-version.ts';
import { openPipe } from '../client/open-pipe.ts';
import { describeEnd, keepHead, keepTail } from '../client/program-end.ts';
import { bareEnvironment, startProgram } from '../client/run-program.ts';

const INTERRUPT_EVERY_MS = 300;
const TERMINATE_AFTER_MS = 3000;
const KILL_AFTER_MS = 10_000;
const STDERR_CHARACTERS = 32_000;

type StartOptions = {
  readonly clients: Clients;
  /** libpq's environment for the target, `PGDATABASE` included. */
  readonly env: Readonly<Record<string, string>>;
  /** Words that the command line begins with, to run it as another user. */
  readonly runAs?: readonly string[];
  /** Which part of a long output is kept: the end, where the reason of a failure stands, or the first errors of many. */
  readonly kept?: 'end' | 'beginning';
};

/** A psql that restores what is written to its standard input. */
export type RunningPsql = {
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly ending: string }>;
  /** Returns the end of its output. */
  said(): string;
  /** Ends it: SIGINT cancels the statement that runs on the server. */
  end(): Promise<void>;
};

/** Starts it. It stops at the first error, and sends what it says in English, with SQL states and the lines that they are of. */
async function startPsql(
  { clients, env, runAs = [], kept = 'end' }: StartOptions,
  stdin: FileHandle,
): Promise<RunningPsql> {
  // psql gives the line of an error only if a file is named, even if that is standard input.
  const argv = ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--set', 'VERBOSITY=verbose', '--no-password'];
  // A change of user takes the tie to this process away, so the tie is made after it.
  const tied = await boundToUs([join(clients.folder, 'psql'), ...argv, '--file=-'], 'TERM');
  const child = startProgram([...runAs, ...tied], {
    // execa takes any descriptor; its types know the standard ones.
    stdin: stdin.fd as 0,
    stdout: 'ignore',
    buffer: false,
    // Ctrl-C in a terminal is for us; psql would end by itself, and seem to have failed.
    detached: true,
    env: { ...bareEnvironment(), LC_ALL: 'C.UTF-8', ...env, PGCLIENTENCODING: 'UTF8' },
  });
  const said = (kept === 'end' ? keepTail : keepHead)(child.stderr, STDERR_CHARACTERS);
  const ended = child.then((result) => ({ exitCode: result.exitCode, ending: describeEnd(result) }));
  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    const isOver = ended.then(() => true);
    const isOverWithin = (ms: number): Promise<boolean> => Promise.race([isOver, delay(ms, false, { ref: false })]);
    // A signal between two statements is lost.
    for (let ms = 0; ms < TERMINATE_AFTER_MS; ms += INTERRUPT_EVERY_MS) {
      child.kill('SIGINT');
      if (await isOverWithin(INTERRUPT_EVERY_MS)) return;
    }
    child.kill('SIGTERM');
    if (await isOverWithin(KILL_AFTER_MS - TERMINATE_AFTER_MS)) return;
    child.kill('SIGKILL');
    await isOver;
  };
  return { ended, said, end: () => (ending ??= end()) };
}

/** A psql with the end of a pipe that it reads. Disposing ends it, and then closes the pipe. */
export type FedPsql = AsyncDisposable & { readonly psql: RunningPsql; readonly input: FileHandle };

/** Starts psql at the end of a pipe. It ends once the signal is aborted, and never outlives the result. */
export async function feedPsql(options: StartOptions, signal: AbortSignal): Promise<FedPsql> {
  await using stack = new AsyncDisposableStack();
  const pipe = stack.use(await openPipe('this process and psql'));
  const psql = await startPsql(options, pipe.readEnd);
  // While this process holds the end, the writer does not notice that psql has ended.
  await pipe.readEnd.close();
  const abort = (): void => void psql.end();
  signal.addEventListener('abort', abort);
  // It ends before its input does, because it would run the beginning of a statement.
  stack.defer(async () => {
    await psql.end();
    signal.removeEventListener('abort', abort);
  });
  if (signal.aborted) abort();
  const owned = stack.move();
  return { psql, input: pipe.writeEnd, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** @returns whether psql is still there to take it */
export async function writeAll(file: FileHandle, text: string): Promise<boolean> {
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}
