import { defineConfig } from 'vitest/config';

// One configuration for every package; each runs it with its own root, so that Turbo can cache package by package.
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
    // Tests start real servers and processes: a generous limit, and two files at once on two cores.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Real processes on a machine that others use as well: once more tells a slow moment from a fault.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    pool: 'forks',
  },
});
