import { readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { assertDiskTakesMore } from '../client/assert-disk-takes-more.ts';
import { boundToUs } from '../client/bound-to-us.ts';
import type { Clients } from '../client/client-version.ts';
import { openPipe } from '../client/open-pipe.ts';
import { postgresError } from '../client/postgres-error.ts';
import { describeEnd, keepTail } from '../client/program-end.ts';
import { startProgram } from '../client/run-program.ts';
import { type Compressor } from './compressor.ts';
import { ProgressWatch } from './progress-watch.ts';

export type PgDumpOptions = {
  readonly clients: Clients;
  readonly compressor: Compressor;
  readonly database: string;
  /** See `libpqEnvironment`. */
  readonly env: Readonly<Record<string, string>>;
  readonly extraOptions: readonly string[];
  /** Snapshot that a session holds until pg_dump has begun; without one pg_dump takes its own. */
  readonly snapshot?: string | undefined;
  /** Open for writing; closed by the caller. */
  readonly file: FileHandle;
  /** Starts what compresses the text and writes it to the file, if not the compressor alone; see `sealAndProve`. */
  readonly startWriter?: ((input: FileHandle) => Promise<Writer>) | undefined;
  /** Limit for the whole dump. */
  readonly timeoutMs: number;
  /** Limit for a time without a byte from pg_dump. */
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called with the bytes of SQL that have gone by, at most once a second. */
  readonly onProgress: (sqlBytes: number) => void;
};

/** What writes the file. `ended` says why it failed, and never rejects. */
type Writer = { readonly ended: Promise<string | undefined> };

/** Long enough for any honest statement, short enough not to stand behind a forgotten migration until morning. */
const LOCK_WAIT_MS = 5 * 60 * 1000;

/**
 * Runs pg_dump into a compressor, and that into the file. The data never passes through this thread: on a small machine
 * that is what a dump's time is lost to. All programs have exited 0 when it returns, and have ended when it throws.
 *
 * @throws PermanentError | RetryableError with what pg_dump said and a hint; a fault of the disk as Node has it
 */
export async function pgDump(options: PgDumpOptions): Promise<void> {
  const { database, file, startWriter } = options;
  let readBytes = async (): Promise<number> => 0;
  using watch = new ProgressWatch({ ...options, readBytes: () => readBytes() });
  const signal = AbortSignal.any([options.signal, watch.signal]);
  const common = { buffer: false, cancelSignal: signal, forceKillAfterDelay: 10_000 } as const;

  const command = await boundToUs(commandLine(options), 'TERM');
  await using pipe = await openPipe();
  const writer = await (startWriter === undefined
    ? startCompressor(options, pipe.readEnd, common)
    : startWriter(pipe.readEnd));
  // execa takes any descriptor; its types know the standard ones.
  const dump = startProgram(command, { ...common, stdout: pipe.writeEnd.fd as 1, env: options.env });
  const dumpSaid = keepTail(dump.stderr);
  // Each program has its end now. As long as we held one, neither would notice that the other has ended.
  await pipe[Symbol.asyncDispose]();
  readBytes = () => readWrittenBytes(dump.pid, file);

  const [dumped, failure] = await Promise.all([dump, writer.ended]);
  // The reason to give up goes first. What comes after is a fault of its own, even if the signal aborts meanwhile.
  signal.throwIfAborted();
  // pg_dump first: when it fails, whatever the writer did is a consequence; unless pg_dump failed for want of a reader.
  const lostReader =
    dumped.signal === 'SIGPIPE' || dumped.exitCode === 141 || dumpSaid().includes('could not write to output file');
  if (failure !== undefined && (lostReader || !dumped.failed)) {
    await assertDiskTakesMore(file);
    throw new RetryableError(failure);
  }
  if (dumped.failed) throw postgresError(`pg_dump ${describeEnd(dumped)} for ${JSON.stringify(database)}`, dumpSaid());
}

function startCompressor(
  { compressor: { program, argv }, file }: PgDumpOptions,
  input: FileHandle,
  common: { readonly buffer: false; readonly cancelSignal: AbortSignal; readonly forceKillAfterDelay: number },
): Writer {
  const compress = startProgram([program, ...argv], { ...common, stdin: input.fd as 0, stdout: file.fd as 1 });
  const said = keepTail(compress.stderr);
  const describe = (end: Parameters<typeof describeEnd>[0]): string =>
    `${program} ${describeEnd(end)}${said() === '' ? '' : `: ${said()}`}`;
  return { ended: compress.then((end) => (end.failed ? describe(end) : undefined)) };
}

function commandLine({ clients, extraOptions, snapshot }: PgDumpOptions): readonly string[] {
  return [
    join(clients.folder, 'pg_dump'),
    '--format=plain',
    '--no-password',
    `--lock-wait-timeout=${LOCK_WAIT_MS}`,
    ...(snapshot === undefined ? [] : [`--snapshot=${snapshot}`]),
    ...extraOptions,
  ];
}

/** Reads how many bytes of SQL pg_dump has written, from Linux; elsewhere the size of the compressed file. */
async function readWrittenBytes(pid: number | undefined, file: FileHandle): Promise<number> {
  const counts = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
  const written = /^wchar: (\d+)$/m.exec(counts)?.[1];
  return written === undefined ? (await file.stat()).size : Number(written);
}
