import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasCommand } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { assertNoChildren } from '@pgstow/testing/processes/assert-no-children.ts';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chooseCompressor } from '../dump/compressor.ts';
import { proveGzip } from './prove-gzip.ts';

const END = '--\n-- PostgreSQL database dump complete\n--\n\n';
const ROWS = Array.from({ length: 20_000 }, (_, i) => `${i}\t${createHash('md5').update(String(i)).digest('hex')}`);
const DUMP = `--\n-- Data for Name: t; Type: TABLE DATA\n--\n\nCOPY public.t (a, b) FROM stdin;\n${ROWS.join('\n')}\n\\.\n\n\n${END}`;
const never = new AbortController().signal;

afterEach(() => assertNoChildren());

for (const program of ['igzip', 'pigz', 'gzip'] as const) {
  describe.skipIf(!hasCommand(program))(`the proof of what ${program} wrote`, () => {
    let folder: TempFolder;
    let gz: Buffer;
    const prove = async (content: Buffer) => {
      const path = join(folder.path, 'file');
      await writeFile(path, content);
      return proveGzip(path, never);
    };

    beforeAll(async () => {
      folder = await tempFolder();
      const compressor = await chooseCompressor(program);
      const { stdout } = await execa(program, compressor.argv, { input: DUMP, encoding: 'buffer' });
      gz = Buffer.from(stdout);
    });
    afterAll(() => folder[Symbol.asyncDispose]());

    it('says size, sha256 and what the text says', async () => {
      expect(await prove(gz)).toEqual({
        bytes: gz.length,
        sha256: createHash('sha256').update(gz).digest('hex'),
        sqlBytes: Buffer.byteLength(DUMP),
        tables: { 'public.t': ROWS.length },
        roles: [],
      });
    });

    it('follows a file that is still being written', async () => {
      const path = join(folder.path, 'growing');
      await writeFile(path, '');
      const written = (async () => {
        for (let at = 0; at < gz.length; at += Math.ceil(gz.length / 7)) {
          await appendFile(path, gz.subarray(at, at + Math.ceil(gz.length / 7)));
          await delay(30);
        }
      })();
      expect(await proveGzip(path, never, written)).toMatchObject({
        tables: { 'public.t': ROWS.length },
      });
    });

    it('takes what any other program has compressed', async () => {
      for (const level of [1, 6, 9]) expect((await prove(gzipSync(DUMP, { level }))).sqlBytes).toBe(DUMP.length);
    });

    it('refuses a file that was cut, anywhere', async () => {
      for (const left of [
        0,
        1,
        5,
        9,
        10,
        11,
        100,
        gz.length / 2,
        gz.length - 9,
        gz.length - 8,
        gz.length - 4,
        gz.length - 1,
      ]) {
        await expect(prove(gz.subarray(0, left)), `${left} bytes`).rejects.toThrow(
          'the gzip does not decompress whole: unexpected end of file',
        );
      }
    });

    it('refuses a file with one bit flipped, anywhere in its data or its checksums', async () => {
      for (const at of [
        0,
        12,
        100,
        gz.length / 3,
        gz.length / 2,
        gz.length - 100,
        gz.length - 8,
        gz.length - 5,
        gz.length - 4,
        gz.length - 1,
      ]) {
        const flipped = Buffer.from(gz);
        flipped[Math.floor(at)]! ^= 1;
        await expect(prove(flipped), `byte ${at}`).rejects.toThrow(RetryableError);
      }
    });

    it.each<[string, Buffer]>([
      ['garbage', Buffer.from('garbage, and more of it')],
      ['one byte', Buffer.from([0x1f])],
      ['zeros', Buffer.alloc(512)],
      ['zeros and the size of the text', Buffer.concat([Buffer.alloc(512), sizeWord(DUMP)])],
      ['half a gzip', gzipSync('select 1;').subarray(0, 12)],
      ['a gzip of more SQL', gzipSync('drop table x;\n')],
      ['a gzip of white space', gzipSync('\n\n')],
      ['a gzip of nothing', gzipSync('')],
      ['a gzip of another dump', gzipSync(DUMP)],
    ])('refuses %s behind it', async (_what, more) => {
      await expect(prove(Buffer.concat([gz, more]))).rejects.toThrow(RetryableError);
    });

    it.each<[string, Buffer]>([
      ['nothing', Buffer.alloc(0)],
      ['plain text', Buffer.from(DUMP)],
      ['a gzip of nothing', gzipSync('')],
      ['a gzip of a dump that was cut', gzipSync(DUMP.slice(0, -50))],
      ['a gzip of a dump that something follows', gzipSync(`${DUMP}select 1;\n`)],
      ['a gzip within a gzip', gzipSync(gzipSync(DUMP))],
    ])('refuses %s', async (_what, content) => {
      await expect(prove(content)).rejects.toThrow(RetryableError);
    });

    it('ends when its signal is aborted, before or half-way, and leaves no process behind', async () => {
      const path = join(folder.path, 'whole');
      await writeFile(path, gz);
      await expect(proveGzip(path, AbortSignal.abort())).rejects.toThrow('aborted');
      const halfWay = new AbortController();
      const proof = proveGzip(path, halfWay.signal);
      setImmediate(() => halfWay.abort(new Error('enough')));
      await expect(proof).rejects.toThrow('enough');
    });
  });
}

it.skipIf(!existsSync('/proc/self/fd'))(
  'a proof that follows a file lets go of it once its signal is aborted',
  async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, 'growing');
    await writeFile(path, gzipSync(DUMP).subarray(0, 5000));
    const isOpen = (): boolean =>
      readdirSync('/proc/self/fd').some((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === path;
        } catch {
          // The one with which the folder itself was read.
          return false;
        }
      });
    const enough = new AbortController();
    const proof = proveGzip(path, enough.signal, new Promise(() => undefined));
    await eventually(() => expect(isOpen()).toBe(true));
    enough.abort(new Error('enough'));
    await expect(proof).rejects.toThrow('enough');
    await eventually(() => expect(isOpen()).toBe(false));
  },
);

it('a fault of the disk is told as Node has it', async () => {
  await using folder = await tempFolder();
  await expect(proveGzip(join(folder.path, 'missing'), never)).rejects.toMatchObject({ code: 'ENOENT' });
});

/** As a gzip ends. */
function sizeWord(text: string): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(Buffer.byteLength(text));
  return word;
}

it('a compressor that is not installed is named', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    await expect(chooseCompressor('igzip')).rejects.toThrow('found no igzip on PATH');
    await expect(chooseCompressor('auto')).rejects.toThrow('found no igzip, pigz or gzip on PATH');
  } finally {
    process.env['PATH'] = path;
  }
});

it.skipIf(!hasCommand('gzip'))(
  'the fastest compressor that is installed is chosen, or the one that is asked for',
  async () => {
    const [fastest] = (['igzip', 'pigz', 'gzip'] as const).filter(hasCommand);
    expect((await chooseCompressor('auto')).program).toBe(fastest);
    expect((await chooseCompressor('gzip')).program).toBe('gzip');
  },
);
