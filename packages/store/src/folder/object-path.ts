import { randomBytes } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PARTIAL } from '@pgstow/shared/runtime/atomic-file.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** The hidden folder beside objects: what is known of them, and what is not whole yet. */
export const HIDDEN = '.pgstow';

/** Path of an object below a folder. @throws PermanentError if the key leads out of it, or is hidden */
export function objectPath(folder: string, key: string): string {
  const parts = key.split('/');
  if (key.includes('\0') || parts.some((part) => part === '' || part.startsWith('.')))
    throw new PermanentError(`expected a key of names without a dot before them, got ${JSON.stringify(key)}`);
  return join(folder, ...parts);
}

/** Path of a hidden file of an object: its key's last name with an ending. */
export function hiddenPath(path: string, ending: string): string {
  return join(dirname(path), HIDDEN, `${path.slice(dirname(path).length + 1)}${ending}`);
}

/** Path of a file of an object that is not whole yet, as no other writer has it. */
export function newPartial(path: string): string {
  return hiddenPath(path, `.${randomBytes(4).toString('hex')}${PARTIAL}`);
}

/** Reads the name of such a file. */
export function parsePartial(name: string): { readonly base: string; readonly id: string } | undefined {
  const [, base, id] = /^(.+)\.([0-9a-f]{8})\.partial$/.exec(name) ?? [];
  return base === undefined || id === undefined ? undefined : { base, id };
}

/**
 * Looks whether each folder between the destination's and a path is one. A symbolic link is none: it may lead anywhere.
 *
 * @returns false if one is missing
 * @throws PermanentError if one is something else
 */
export async function isReachable(folder: string, path: string): Promise<boolean> {
  for (const each of foldersBetween(folder, path)) {
    try {
      if (!(await lstat(each)).isDirectory())
        throw new PermanentError(`${each} is not a folder`, { hint: 'Nothing is followed there. Move it away.' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
  return true;
}

/** Makes the folders that an object needs. @throws as `isReachable` does */
export async function makeReachable(folder: string, path: string): Promise<void> {
  for (const each of [...foldersBetween(folder, path), join(dirname(path), HIDDEN)]) {
    await mkdir(each, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // Before anything is made below it.
    await isReachable(folder, join(each, 'x'));
  }
}

function foldersBetween(folder: string, path: string): readonly string[] {
  const between: string[] = [];
  for (let each = dirname(path); each.length > folder.length; each = dirname(each)) between.unshift(each);
  return between;
}
