import type { FileHandle } from 'node:fs/promises';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { openPipe } from '../client/open-pipe.ts';
import { sealAndProve, type SealOptions } from './seal-and-prove.ts';

/** Compresses, proves and encrypts the text of a dump that is in memory, as `sealAndProve` does. @throws as that does */
export async function sealText(text: string, options: SealOptions): Promise<ProvenContent> {
  const sealing = sealAndProve(options);
  return await sealing.prove(write(text, sealing.startWriter));
}

async function write(text: string, startWriter: ReturnType<typeof sealAndProve>['startWriter']): Promise<void> {
  await using pipe = await openPipe('this process and the compressor');
  const writer = await startWriter(pipe.readEnd);
  // While this process holds the end, it does not notice that the compressor has ended.
  await pipe.readEnd.close();
  await writeAll(pipe.writeEnd, Buffer.from(text));
  await pipe.writeEnd.close();
  await writer.ended;
}

/** A reader that is gone has said why. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
