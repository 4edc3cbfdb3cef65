import { allRecorded, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { Pin } from '@pgstow/shared/contract/pin.ts';
import { digestText } from '@pgstow/store/digest-text.ts';
import { lookBeforePut } from '@pgstow/store/look-before-put.ts';
import { compareObject } from '@pgstow/store/object-comparison.ts';
import { manifestKey, wordKey } from '@pgstow/store/object-key.ts';
import type { UploadContext } from './context.ts';
import type { UploadDestination } from './upload-destination.ts';

/**
 * Copies what people said of backups, acceptances and pins, beside those at a destination, for the day when this host is lost. A word that
 * was taken back replaces its copy.
 *
 * @throws as folder and store do
 */
export async function copyWords(
  { records }: UploadContext,
  destination: UploadDestination,
  signal: AbortSignal,
): Promise<void> {
  const contents = await readFolder(records);
  for (const pin of contents.pins.values()) await copyWord(destination, 'pin', pin, signal);
  for (const { acceptance } of allRecorded(contents))
    if (acceptance !== undefined) await copyWord(destination, 'acceptance', acceptance, signal);
}

async function copyWord(
  { store, prefix, copied }: UploadDestination,
  kind: 'pin' | 'acceptance',
  word: Pin | Acceptance,
  signal: AbortSignal,
): Promise<void> {
  const key = wordKey(prefix, word.name, kind);
  const text = `${JSON.stringify(word, undefined, 2)}\n`;
  if (copied.get(key) === text) return;
  const object = await lookBeforePut(store, key, signal);
  if (object === undefined) {
    // Nothing is there to be taken back, or the backup itself is not there (yet).
    if ('unpinnedAt' in word && word.unpinnedAt !== undefined) return;
    if ((await store.look(manifestKey(prefix, word.name), signal)) === undefined) return;
  }
  if (object === undefined || compareObject(object, digestText(Buffer.from(text))).verdict !== 'same') {
    const mode = object === undefined ? 'create' : 'replace';
    await store.putText(key, text, { mode, contentType: 'application/json', metadata: {}, signal });
  }
  copied.set(key, text);
}
