import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { recipientOptions } from '../age/age-text.ts';
import { ciphertextBytes, LONGEST_HEADER, readAgeHeader } from '../age/ciphertext-plan.ts';
import { startAge, startPiped, type PipedProgram } from '../age/start-age.ts';
import { followFile, kindOfDump, Sums } from './dump-file.ts';
import { readGzip } from './read-gzip.ts';
import type { SealOutcome, SealThreadData } from './seal-and-prove.ts';

/** A program of the chain has failed. */
class ProgramError extends Error {}

// The thread of `sealAndProve`: pg_dump's pipe -> compressor -> here, to the proof and to age -> file.
if (parentPort === null) throw new Error('wanted to be started as a thread');
const port = parentPort;
const { path, inputFd, fileFd, compressor, recipients } = workerData as SealThreadData;
let isEnd = false;

try {
  port.postMessage((await seal()) satisfies SealOutcome);
} catch (error) {
  if (error instanceof ProgramError) port.postMessage({ failed: error.message } satisfies SealOutcome);
  else if (error instanceof RetryableError) port.postMessage({ refused: error.message, isEnd } satisfies SealOutcome);
  else throw error;
} finally {
  port.close();
}

async function seal(): Promise<SealOutcome> {
  await using age = await startAge(['--encrypt', ...recipientOptions(recipients)], ['pipe', fileFd, 'pipe']);
  await using compress = await startPiped(compressor.program, compressor.argv, [inputFd, 'pipe', 'pipe']);
  const gzip = compress.child.stdout;
  if (gzip === null) throw new TypeError('wanted a pipe from the compressor');
  port.once('message', () => gzip.destroy(new ProgramError('it was given up')));
  // pg_dump may be silent for long: the end of age is not left to the next write.
  void endWith(age, gzip);
  port.postMessage('started');
  const ciphertext = sumCiphertext(age.ended);
  ciphertext.catch(() => undefined);
  const proven = await readGzip(handOn(gzip, compress, age), { kind: kindOfDump(path) });
  const failure = await age.ended;
  if (failure !== undefined) throw new ProgramError(failure);
  return { proven: assertWhole(proven, await ciphertext) };
}

/** Gives up the gzip once age has ended too early. */
async function endWith(age: PipedProgram, gzip: Readable): Promise<void> {
  const failure = await age.ended;
  if (!isEnd) gzip.destroy(new ProgramError(failure ?? 'age ended before the dump did'));
}

/** Hands the gzip on to age, and to the proof. @throws ProgramError */
async function* handOn(
  gzip: AsyncIterable<Buffer>,
  compress: PipedProgram,
  age: PipedProgram,
): AsyncGenerator<Buffer, void, undefined> {
  const { stdin } = age.child;
  if (stdin === null) throw new TypeError('wanted a pipe to age');
  for await (const chunk of gzip) {
    if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), age.ended]);
    yield chunk;
  }
  const failure = await compress.ended;
  if (failure !== undefined) throw new ProgramError(failure);
  isEnd = true;
  stdin.end();
}

type Ciphertext = { readonly bytes: number; readonly sha256: string; readonly beginning: Buffer };

/** Reads the file as it grows. */
async function sumCiphertext(written: Promise<unknown>): Promise<Ciphertext> {
  const sums = new Sums();
  let beginning: Buffer = Buffer.alloc(0);
  for await (const chunk of sums.of(followFile(path, written)))
    if (beginning.length < LONGEST_HEADER) beginning = Buffer.concat([beginning, chunk]);
  return { bytes: sums.bytes, sha256: sums.sha256(), beginning };
}

/** What can be proven without an identity: the file has a key for each recipient, and the size that the gzip becomes. */
function assertWhole(
  { bytes: gzipBytes, sha256: gzipSha256, ...text }: ProvenContent,
  file: Ciphertext,
): ProvenContent {
  const header = readAgeHeader(file.beginning);
  if (header === undefined) throw new RetryableError('what age wrote does not begin as a file of age');
  if (header.recipients < recipients.length)
    throw new RetryableError(`age encrypted to ${header.recipients} keys, and ${recipients.length} were wanted`);
  const wanted = ciphertextBytes(header, gzipBytes);
  if (file.bytes !== wanted)
    throw new RetryableError(`the ciphertext is not whole: it has ${file.bytes} bytes, and ${wanted} were wanted`);
  const encryption = { recipients: [...recipients], gzipBytes, gzipSha256 };
  return { ...text, bytes: file.bytes, sha256: file.sha256, encryption };
}
