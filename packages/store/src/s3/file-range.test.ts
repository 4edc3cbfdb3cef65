import { describe, expect, it } from 'vitest';
import { FileRange } from './file-range.ts';

describe('FileRange', () => {
  it('is cut as an array is, and holds nothing', () => {
    const file = new FileRange(0, 5 * 1024 ** 4);
    expect(file.byteLength).toBe(5 * 1024 ** 4);
    expect(file.buffer.byteLength).toBe(0);
    expect(file.subarray(10, 30)).toMatchObject({ start: 10, end: 30, byteLength: 20 });
    expect(file.subarray(10, 30).subarray(5, 100)).toMatchObject({ start: 15, end: 30 });
    expect(file.subarray(10)).toMatchObject({ start: 10, end: 5 * 1024 ** 4 });
  });
});
