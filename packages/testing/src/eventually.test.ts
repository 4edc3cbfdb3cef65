import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  it('returns the first truthy value', async () => {
    let calls = 0;
    expect(await eventually(() => (++calls === 3 ? 'three' : ''), { everyMs: 1 })).toBe('three');
  });

  it('holds once a check without a value stops throwing', async () => {
    let calls = 0;
    await eventually(() => expect(++calls).toBe(2), { everyMs: 1 });
    expect(calls).toBe(2);
  });

  it('throws with the last value or error', async () => {
    await expect(eventually(() => 0, { timeoutMs: 5, everyMs: 1 })).rejects.toThrow('last value: 0');
    const broken = () => {
      throw new Error('broken');
    };
    await expect(eventually(broken, { timeoutMs: 5, everyMs: 1 })).rejects.toThrow('within 5 ms: broken');
  });
});
