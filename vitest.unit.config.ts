import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import everything from './vitest.config.ts';

/** What starts a server or a process. */
const STARTS =
  /(?:@pgstow\/testing|'\.)\/[\w-]*(?:server|process|proxy|endpoint|disk|terminal)\.ts|node:child_process|'execa'/;

/** The tests of all packages that need nothing but this process, for `npm run check:fast`. */
export default defineConfig({
  test: {
    ...everything.test,
    include: globSync('{apps,packages}/*/src/**/*.test.ts').filter((file) => !STARTS.test(readFileSync(file, 'utf8'))),
    reporters: ['default'],
  },
});
