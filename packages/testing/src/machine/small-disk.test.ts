import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canMountTmpfs } from './capabilities.ts';
import { smallDisk } from './small-disk.ts';

describe.skipIf(!canMountTmpfs())('smallDisk', () => {
  it('is full when it should be, and gone after dispose', async () => {
    let path: string;
    {
      await using disk = await smallDisk(64 * 1024);
      ({ path } = disk);
      await expect(writeFile(join(path, 'file'), Buffer.alloc(128 * 1024))).rejects.toThrow('ENOSPC');
    }
    await expect(readdir(path)).rejects.toThrow('ENOENT');
  });
});
