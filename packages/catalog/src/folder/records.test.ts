import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Records, type RecordParser } from './records.ts';

const LONG_AGO = new Date('2026-01-01T00:00:00Z');

describe('the records of a folder', () => {
  let folder: TempFolder;
  let records: Records;
  /** The texts that were read from the disk. */
  let texts: string[];
  const at = (file: string) => join(folder.path, file);
  const parser: RecordParser<{ readonly text: string }> = {
    safeParse: (bytes) => {
      const text = bytes.toString();
      texts.push(text);
      return text === '' ? { error: { issues: [{ message: 'nothing' }] } } : { data: { text } };
    },
  };
  const read = (file: string) => records.read(file, parser);
  /** Reads as one who comes when the clock of the file system has ticked on. */
  const later = () => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });

  beforeEach(async () => {
    folder = await tempFolder();
    records = new Records(folder.path);
    texts = [];
  });
  afterEach(async () => {
    vi.useRealTimers();
    await folder[Symbol.asyncDispose]();
  });

  it('are read once, however often they are asked for', async () => {
    await writeFile(at('a'), 'one');
    await writeFile(at('b'), 'two');
    later();
    for (let time = 0; time < 3; time += 1) expect([read('a'), read('b')]).toEqual([{ text: 'one' }, { text: 'two' }]);
    expect(texts).toEqual(['one', 'two']);
    expect(read('a')).toBe(read('a'));
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['written anew in its place', (path) => writeFile(path, 'two')],
    [
      'written anew with the times that it had',
      async (path) => {
        await writeFile(path, 'two');
        await utimes(path, LONG_AGO, LONG_AGO);
      },
    ],
    [
      'replaced by another with the same times',
      async (path) => {
        await writeFile(`${path}.new`, 'two');
        await utimes(`${path}.new`, LONG_AGO, LONG_AGO);
        await rename(`${path}.new`, path);
      },
    ],
    [
      'deleted and made again',
      async (path) => {
        await rm(path);
        await writeFile(path, 'two');
      },
    ],
  ])('are read again once one was %s', async (_how, change) => {
    await writeFile(at('a'), 'one');
    await utimes(at('a'), LONG_AGO, LONG_AGO);
    later();
    expect(read('a')).toEqual({ text: 'one' });
    await change(at('a'));
    expect(read('a')).toEqual({ text: 'two' });
  });

  it('are not remembered while a second change could look like the first', async () => {
    await writeFile(at('a'), 'one');
    for (let time = 0; time < 2; time += 1) expect(read('a')).toEqual({ text: 'one' });
    expect(texts).toEqual(['one', 'one']);
  });

  it('are no links, pipes or folders, and no record that cannot be read is taken for a missing one', async () => {
    await writeFile(at('a'), 'one');
    await symlink(at('a'), at('link'));
    await mkdir(at('folder'));
    await writeFile(at('empty'), '');
    later();
    expect(read('missing')).toBeUndefined();
    for (const file of ['link', 'folder']) expect(read(file)).toEqual(new Error('it is not a regular file'));
    for (let time = 0; time < 2; time += 1) expect(read('empty')).toEqual(new Error('nothing'));
    expect(read('a/b')).toMatchObject({ code: 'ENOTDIR' });
  });

  it('that are gone are forgotten', async () => {
    for (const file of ['a', 'b']) await writeFile(at(file), file);
    later();
    for (const file of ['a', 'b']) read(file);
    records.keepOnly(new Set(['b']));
    for (const file of ['a', 'b']) read(file);
    expect(texts).toEqual(['a', 'b', 'a']);
  });

  it('may be longer than any that was read before', async () => {
    const long = 'é'.repeat(100_000);
    await writeFile(at('long'), long);
    expect(read('long')).toEqual({ text: long });
  });
});
