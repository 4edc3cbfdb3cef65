import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { describe, expect, it } from 'vitest';

describe('a process that starts', () => {
  it.each([
    ['scheduler', ['@aws-sdk', '@bull-board', 'prom-client', 'execa']],
    ['dump-worker', ['@aws-sdk']],
    ['upload-worker', ['execa']],
    ['verify-worker', []],
  ])('as the %s loads nothing that it does not need yet', async (app, others) => {
    await using folder = await tempFolder();
    const script = join(folder.path, 'watch.ts');
    await writeFile(
      script,
      `import { registerHooks } from 'node:module';
       registerHooks({ load(url, context, next) { console.log(url); return next(url, context); } });
       await import(${JSON.stringify(join(import.meta.dirname, `../../../apps/${app}/src/main.ts`))});`,
    );
    // A process that refuses its configuration has loaded what it starts with.
    await using child = await startProcess({ script, env: { LOG_LEVEL: 'none' } });
    expect(await child.waitForExit()).toMatchObject({ code: 1 });
    const loaded = child.lines.map(({ text }) => text);
    expect(loaded.some((url) => url.includes('/node_modules/bullmq/'))).toBe(true);
    for (const unwanted of ['@opentelemetry', 'pino-pretty', 'nodemailer', ...others])
      expect(loaded.filter((url) => url.includes(`/node_modules/${unwanted}/`))).toEqual([]);
  });
});
