import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from './temp-folder.ts';

describe('tempFolder', () => {
  it('is private, and is removed with all it holds', async () => {
    let path: string;
    {
      await using folder = await tempFolder();
      ({ path } = folder);
      expect((await stat(path)).mode & 0o777).toBe(0o700);
      await writeFile(join(path, 'file'), '');
    }
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });
});
