import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HIDDEN, isReachable } from './object-path.ts';
import type { Patience } from './patience.ts';

/** A folder with objects whose keys begin with a prefix. */
export type WalkedFolder = {
  /** Its path. */
  readonly path: string;
  /** The beginning of its objects' keys: empty, or with a `/` at its end. */
  readonly keys: string;
  /** Names of files in it, or of what else lies there, that begin as asked for. */
  readonly names: readonly string[];
};

/** Walks the folders that may hold keys with a prefix. Hidden names and symbolic links are passed over. */
export async function* walkObjects(
  folder: string,
  prefix: string,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<WalkedFolder, void, undefined> {
  const keys = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const start = join(folder, keys);
  if (!(await patience.wait(() => isReachable(folder, join(start, 'x')), signal))) return;
  yield* walk({ path: start, keys }, prefix.slice(keys.length), patience, signal);
}

async function* walk(
  { path, keys }: Pick<WalkedFolder, 'path' | 'keys'>,
  beginning: string,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<WalkedFolder, void, undefined> {
  const entries = await patience.wait(() => readdir(path, { withFileTypes: true }), signal);
  const wanted = entries.filter(({ name }) => name.startsWith(beginning) && !name.startsWith('.'));
  const folders = wanted.filter((entry) => entry.isDirectory());
  yield { path, keys, names: wanted.filter((entry) => !entry.isDirectory()).map(({ name }) => name) };
  for (const { name } of folders)
    yield* walk({ path: join(path, name), keys: `${keys}${name}/` }, '', patience, signal);
}

/** Names in the hidden folder beside objects; none if there is no such folder. */
export async function readHidden(path: string, patience: Patience, signal: AbortSignal): Promise<readonly string[]> {
  const hidden = join(path, HIDDEN);
  if (!(await patience.wait(() => isReachable(path, join(hidden, 'x')), signal))) return [];
  return patience.wait(() => readdir(hidden), signal);
}
