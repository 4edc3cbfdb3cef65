import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { readDumpFile, type DumpFile } from '../proof/dump-file.ts';
import { DumpTextReader } from '../proof/dump-text.ts';
import type { DumpedExtension } from './missing-extensions.ts';

const HEADING = /^-- Name: (.+); Type: EXTENSION; Schema: /;
const IS_OF_ROWS = /^-- Data for /;

/**
 * Reads the names of the extensions that a dump makes, for a manifest that does not know them. They stand before all rows: it reads
 * no further. A file that is damaged seems to have no more of them; its restore says what is wrong with it.
 */
export async function readDumpExtensions(dump: DumpFile, signal: AbortSignal): Promise<readonly DumpedExtension[]> {
  const names = new Set<string>();
  let isOver = false;
  const reader = new DumpTextReader({
    write: () => undefined,
    heading: (text) => {
      const name = HEADING.exec(text)?.[1];
      if (name !== undefined) names.add(Buffer.from(name, 'latin1').toString());
      isOver ||= IS_OF_ROWS.test(text);
    },
  });
  const file = Readable.from(readDumpFile(dump), { objectMode: false });
  const gunzip = createGunzip();
  const readHead = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      reader.push(chunk);
      if (isOver) return;
    }
  };
  await pipeline(file, gunzip, readHead, { signal }).catch(() => signal.throwIfAborted());
  return Array.from(names, (name) => ({ name }));
}
