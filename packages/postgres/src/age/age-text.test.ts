import { expect, it } from 'vitest';
import { encryptText } from './age-text.ts';

it('names age where it is not installed', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    await expect(encryptText('', ['age1'])).rejects.toThrow('found no age on PATH');
  } finally {
    process.env['PATH'] = path;
  }
});
