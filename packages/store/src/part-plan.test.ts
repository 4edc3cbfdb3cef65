import { describe, expect, it } from 'vitest';
import { planParts } from './part-plan.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('planParts', () => {
  it.each([
    [0, 8 * MIB, 1],
    [8 * MIB, 8 * MIB, 1],
    [8 * MIB + 1, 8 * MIB, 2],
    [120 * MIB, 15 * MIB, 8],
    [3 * GIB, 32 * MIB, 96],
    // A store that takes 1,000 parts takes these.
    [100 * GIB, 103 * MIB, 995],
    [250 * GIB, 256 * MIB, 1000],
    [1536 * GIB, 256 * MIB, 6144],
    [5 * 1024 * GIB, 525 * MIB, 9987],
    // The most that S3 has: 10,000 parts of 5 GiB.
    [50_000 * GIB, 5 * GIB, 10_000],
  ])('cuts %d bytes into parts of %d bytes', (bytes, partBytes, count) => {
    expect(planParts(bytes)).toEqual({ partBytes, count });
  });
});
