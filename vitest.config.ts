import { defineConfig } from 'vitest/config';
import { DEADLINE_MS } from './packages/testing/src/deadline.ts';

// One configuration for every package; each runs it with its own root, so that Turbo can cache package by package.
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
    // For what hangs: a wait in a test ends before, and says what it waited for. One test may wait for many things.
    testTimeout: 5 * DEADLINE_MS,
    hookTimeout: 5 * DEADLINE_MS,
    expect: { poll: { timeout: DEADLINE_MS } },
    // Two files at once on two cores.
    maxWorkers: 2,
    pool: 'forks',
  },
});
