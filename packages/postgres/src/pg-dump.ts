import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from './client-version.ts';
import { bareEnvironment, isOnPath, type Compressor } from './compressor.ts';
import { GzipProof, type ProvenGzip } from './gzip-proof.ts';
import { postgresError } from './postgres-error.ts';
import { ProgressWatch } from './progress-watch.ts';

export type PgDumpOptions = {
  readonly clients: Clients;
  readonly compressor: Compressor;
  readonly database: string;
  /** See `libpqEnvironment`. */
  readonly env: Readonly<Record<string, string>>;
  readonly extraOptions: readonly string[];
  /** Open for writing; closed by the caller. */
  readonly file: FileHandle;
  /** For the whole dump. */
  readonly timeoutMs: number;
  /** Without a byte from pg_dump. */
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called with the bytes of SQL that have gone by, at most once a second. */
  readonly onProgress: (sqlBytes: number) => void;
};

/** Long enough for any honest statement, short enough not to stand behind a forgotten migration until morning. */
const LOCK_WAIT_MS = 5 * 60 * 1000;

/**
 * Runs pg_dump into a compressor, writes what comes out to the file, and proves it on the way: both programs exited 0,
 * the gzip decompresses whole, the text is a complete dump. When it throws, both programs have ended.
 *
 * @throws PermanentError | RetryableError with what pg_dump said and a hint
 */
export async function pgDump(options: PgDumpOptions): Promise<ProvenGzip> {
  const { compressor, database, file } = options;
  const failure = new AbortController();
  using watch = new ProgressWatch(options);
  const signal = AbortSignal.any([options.signal, watch.signal, failure.signal]);
  // Binary throughout: buffering or decoding a dump would cost its size in memory.
  const common = { buffer: false, reject: false, cancelSignal: signal, forceKillAfterDelay: 10_000 } as const;

  const [program, argv] = await commandLine(options);
  const dump = execa(program, argv, { ...common, stdin: 'ignore', env: options.env, extendEnv: false });
  // The compressor reads straight from pg_dump: the text passes us by once only, decompressed again in the proof. Our own
  // end is closed, so that pg_dump notices when the compressor dies.
  const compress = execa(compressor.program, compressor.compress, {
    ...common,
    ...bareEnvironment(),
    stdin: dump.stdout,
  });
  dump.stdout.destroy();
  const dumpSaid = keepTail(dump.stderr);
  const compressorSaid = keepTail(compress.stderr);
  const programs = Promise.all([dump, compress]);

  try {
    await using proof = new GzipProof(compressor, (bytes) => watch.seen(bytes));
    const chunks: AsyncIterable<Buffer> = compress.stdout;
    for await (const chunk of chunks) {
      await writeWhole(file, chunk);
      await proof.write(chunk);
    }
    const [dumped, compressed] = await programs;
    signal.throwIfAborted();
    // pg_dump first: when it fails, whatever the compressor did is a consequence; unless pg_dump failed for want of a reader.
    const lostReader =
      dumped.signal === 'SIGPIPE' || dumped.exitCode === 141 || dumpSaid().includes('could not write to output file');
    if (compressed.failed && (lostReader || !dumped.failed)) {
      throw new RetryableError(
        `${compressor.program} ${ending(compressed)}${compressorSaid() === '' ? '' : `: ${compressorSaid()}`}`,
      );
    }
    if (dumped.failed) throw postgresError(`pg_dump ${ending(dumped)} for ${JSON.stringify(database)}`, dumpSaid());
    return await proof.end();
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : (watch.signal.reason ?? error);
  } finally {
    failure.abort();
    await programs;
  }
}

/**
 * Under setpriv, pg_dump gets a SIGTERM when we die, even by SIGKILL, and so never goes on dumping for nobody. It is
 * part of util-linux, which every Debian has.
 */
async function commandLine({ clients, extraOptions }: PgDumpOptions): Promise<[string, string[]]> {
  const pgDump = join(clients.folder, 'pg_dump');
  const argv = ['--format=plain', '--no-password', `--lock-wait-timeout=${LOCK_WAIT_MS}`, ...extraOptions];
  return (await isOnPath('setpriv')) ? ['setpriv', ['--pdeathsig', 'TERM', '--', pgDump, ...argv]] : [pgDump, argv];
}

/** A full disk may take a part of the bytes without an error; the next write then says why. */
async function writeWhole(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await file.write(chunk, written)).bytesWritten;
  }
}

/** Keeps the end of what a program says: the reason is there, and a talkative program must not fill our memory. */
function keepTail(stream: NodeJS.ReadableStream): () => string {
  let tail = '';
  stream.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-4000)));
  return () => tail.trim();
}

function ending(result: {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly originalMessage?: string | undefined;
}): string {
  if (result.signal !== undefined) return `was ended by ${result.signal}`;
  if (result.exitCode !== undefined) return `exited with code ${result.exitCode}`;
  return `could not be started (${result.originalMessage ?? 'unknown reason'})`;
}
