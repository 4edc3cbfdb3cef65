import { describe, expect, it } from 'vitest';
import { planParts } from './part-plan.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('planParts', () => {
  it.each([
    [1, 5 * MIB, 1, 2],
    [5 * MIB, 5 * MIB, 1, 2],
    [5 * MIB + 1, 5 * MIB, 2, 2],
    [400 * MIB, 5 * MIB, 80, 2],
    [200 * GIB, 23 * MIB, 8905, 1],
    [5 * 1024 * GIB, 583 * MIB, 8993, 1],
  ])('cuts %d bytes into parts of %d bytes', (bytes, partBytes, count, concurrency) => {
    expect(planParts(bytes)).toEqual({ partBytes, count, concurrency });
  });
});
