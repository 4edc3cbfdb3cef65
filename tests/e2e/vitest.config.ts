import { defineConfig } from 'vitest/config';
import everything from '../../vitest.config.ts';

export default defineConfig({
  test: {
    ...everything.test,
    setupFiles: ['stage/witnesses/check-leaks.ts'],
    // Three files at once on two cores: a file waits for processes about as long as it computes.
    maxWorkers: 3,
  },
});
