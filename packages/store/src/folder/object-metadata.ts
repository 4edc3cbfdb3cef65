import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { hiddenPath, newPartial } from './object-path.ts';

/** What a store in the cloud keeps of an object itself: the checksum of what was read back, and the metadata of the put. */
export type ObjectMetadata = {
  readonly version: 1;
  /** Size and time of the file that this was written for. Any other file under the name is another object. */
  readonly bytes: number;
  readonly modifiedSeconds: number;
  /** Base64. */
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
};

const ENDING = '.metadata.json';
const MOST_BYTES = 64 * 1024;

/** Some file systems keep whole seconds, and some lose the rest when they are mounted anew. */
export function secondsOf({ mtimeMs }: { readonly mtimeMs: number }): number {
  return Math.floor(mtimeMs / 1000);
}

/** Reads what is known of an object; `undefined` if nothing is: then its content has to tell. */
export async function readMetadata(path: string): Promise<ObjectMetadata | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(hiddenPath(path, ENDING), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > MOST_BYTES) return undefined;
    const known = JSON.parse(await file.readFile('utf8')) as Partial<ObjectMetadata> | null;
    const isWhole =
      known?.version === 1 && typeof known.sha256 === 'string' && typeof known.metadata === 'object' && known.metadata;
    return isWhole ? (known as ObjectMetadata) : undefined;
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Writes it beside an object that lies there. A power cut may take it: nothing but time is lost. */
export async function writeMetadata(path: string, metadata: ObjectMetadata): Promise<void> {
  const partial = newPartial(path);
  try {
    await using file = await open(partial, 'wx', 0o600);
    await file.writeFile(`${JSON.stringify(metadata)}\n`);
    await rename(partial, hiddenPath(path, ENDING));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Removes it, once its object is gone. */
export async function removeMetadata(path: string): Promise<void> {
  await rm(hiddenPath(path, ENDING), { force: true });
}
