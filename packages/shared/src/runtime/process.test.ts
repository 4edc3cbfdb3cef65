import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const env = { POSTGRES_HOST: 'db', POSTGRES_USER: 'backup', POSTGRES_DB: 'shop', POSTGRES_PASSWORD: 'geh"eim' };

describe('one of our processes', () => {
  let folder: TempFolder;
  beforeAll(async () => {
    folder = await tempFolder();
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  /** Runs `start` (the body of a function of the context) as a process's own. */
  async function run(start: string, environment: Readonly<Record<string, string>> = env) {
    const script = join(folder.path, `process-${performance.now()}.ts`);
    const src = (file: string) => JSON.stringify(join(import.meta.dirname, '..', file));
    await writeFile(
      script,
      `import { postgres } from ${src('config/subjects/postgres.ts')};
       import { runProcess } from ${src('runtime/process.ts')};
       import { PermanentError } from ${src('runtime/errors.ts')};
       await runProcess('test', { postgres }, async ({ config, log, stack, signal }) => { ${start} });`,
    );
    return startProcess({ script, env: environment });
  }

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends in order at %s, releasing the last first, and exits 0',
    async (signal) => {
      await using child = await run(`
      stack.defer(() => log.info('first'));
      stack.defer(() => log.info('second'));
      setInterval(() => {}, 1000).unref();
      const keep = setInterval(() => {}, 1000);
      stack.defer(() => clearInterval(keep));`);
      await child.waitForLine(({ json }) => json?.['msg'] === 'ready');
      child.signal(signal);
      expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
      const said = child.lines.map(({ json }) => json?.['msg']);
      expect(said).toEqual(['ready', 'stopping', 'second', 'first', 'stopped']);
    },
  );

  it('that is told to end while it starts finishes starting and ends in order', async () => {
    await using child = await run(`
      stack.defer(() => log.info('released'));
      log.info('starting');
      await new Promise((resolve) => { signal.addEventListener('abort', resolve); setTimeout(() => {}, 60_000).unref(); globalThis.keep = setInterval(() => {}, 1000); });
      clearInterval(globalThis.keep);`);
    await child.waitForLine(({ json }) => json?.['msg'] === 'starting');
    child.signal('SIGTERM');
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    expect(child.lines.map(({ json }) => json?.['msg'])).toEqual(['starting', 'stopping', 'released', 'stopped']);
  });

  it('tells of all faults of the configuration in one message and exits 1, before anything starts', async () => {
    await using child = await run(`log.info('started');`, {
      POSTGRES_PORT: 'x',
      LOG_LEVEL: 'loud',
      POSTGRES_PASSWORD: 'geheim',
    });
    expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
    expect(child.lines.map(({ text, stream }) => `${stream} ${text}`)).toEqual([
      'stderr test: the configuration has 5 faults:',
      'stderr   - POSTGRES_PORT: expected a port from 1 to 65535, got "x"',
      'stderr   - POSTGRES_HOST: is required and not set',
      'stderr   - POSTGRES_USER: is required and not set',
      'stderr   - POSTGRES_DB: is required and not set',
      'stderr   - LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, got "loud"',
      'stderr See docs/configuration.md.',
    ]);
  });

  it('that cannot start says why and what to do, releases what it has and exits 1; no secret is shown', async () => {
    await using child = await run(`
      stack.defer(() => log.info('released'));
      throw new PermanentError('no folder for ' + config.postgres.password, { hint: 'Create it.' });`);
    expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
    const fatal = child.lines.find(({ json }) => json?.['level'] === 60)?.json;
    expect(fatal?.['err']).toBe('no folder for [redacted]\nhint: Create it.');
    expect(child.lines.map(({ json }) => json?.['msg'])).toContain('released');
    expect(child.tail).not.toMatch(/geh\\?"eim/);
  });

  it('that cannot release something says so, releases the rest and exits 1', async () => {
    await using child = await run(`
      stack.defer(() => log.info('released'));
      stack.defer(() => { throw new Error('stuck'); });
      const keep = setInterval(() => {}, 1000);
      stack.defer(() => clearInterval(keep));`);
    await child.waitForLine(({ json }) => json?.['msg'] === 'ready');
    child.signal('SIGTERM');
    expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
    expect(child.lines.map(({ json }) => json?.['msg'])).toContain('released');
    expect(child.tail).toContain('stuck');
  });

  it('writes one JSON line per event from the level on that it was told, with warnings of unknown names', async () => {
    await using child = await run(
      `log.info('silent'); log.warn({ pw: config.postgres.password, list: [config.postgres.password] }, 'loud'); throw new Error('end');`,
      { ...env, LOG_LEVEL: 'warn', POSTGRES_HOTS: 'x' },
    );
    await child.waitForExit();
    const lines = child.lines.map(({ json }) => json);
    expect(lines[0]?.['msg']).toBe('unknown variable POSTGRES_HOTS is ignored; did you mean POSTGRES_HOST?');
    expect(lines[1]).toMatchObject({ msg: 'loud', pw: '[redacted]', list: ['[redacted]'], process: 'test' });
    expect(lines[1]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(lines.every((line) => line?.['msg'] !== 'silent')).toBe(true);
  });
});
