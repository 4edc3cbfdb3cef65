import { fileURLToPath } from 'node:url';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));

const run = async (args: string) => {
  await using child = await startProcess({ script: SCRIPT, args: args.split(' ') });
  const { code } = await child.waitForExit();
  return { code, text: child.tail };
};

test.each(['--help', 'dump --help'])('pgstow %s says how it is used', async (args) => {
  const { code, text } = await run(args);
  expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/^Usage: pgstow .*dump/s) });
});

test.each(['nope', 'dump --nope'])('pgstow %s is refused, with its usage', async (args) => {
  const { code, text } = await run(args);
  expect({ code, text }).toMatchObject({ code: 1, text: expect.stringMatching(/error: unknown .*Usage: pgstow/s) });
});
