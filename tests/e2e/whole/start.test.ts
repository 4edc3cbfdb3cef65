import { fileURLToPath } from 'node:url';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { descendants, isAlive } from '@pgstow/testing/processes/running-processes.ts';
import { hasTerminal, startOnTerminal } from '@pgstow/testing/processes/terminal.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apps } from '../stage/processes/start-app.ts';
import { setStack, type Stack } from '../stage/stack.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const script = fileURLToPath(new URL('../../../scripts/start/main.ts', import.meta.url));
const JSON_LINE = /^\{|"level":|"msg":/;
const HUMAN_LINE =
  /^\[\d\d:\d\d:\d\d\] (?:DEBUG|INFO|WARN|ERROR): (?:scheduler|dump-worker|upload-worker|verify-worker) +\S/;

describe.skipIf(!hasRedis() || !hasPostgres())('pnpm start', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await setStack();
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  const readyOf = (started: BoundProcess): Promise<unknown> =>
    Promise.all(apps.map((app) => started.waitForLine(new RegExp(`INFO: ${app} +ready$`))));

  it('shows the logs of all processes as lines for people, with the backup, and ends them all at Ctrl-C', async () => {
    await using started = await startProcess({
      script,
      env: { ...stack.settings, TZ: 'Asia/Kolkata' },
      cwd: root,
    });
    await readyOf(started);
    const name = await stack.restored();
    await started.waitForLine(new RegExp(`INFO: dump-worker +recorded ${name}, .*\\(${name}\\)`));
    await started.waitForLine(new RegExp(`INFO: verify-worker GOOD: ${name} .*\\(${name}\\)`));
    for (const { text } of started.lines) {
      expect(text).not.toMatch(JSON_LINE);
      expect(text).not.toContain('\u001B');
    }
    expect(started.lines.filter(({ text }) => !text.startsWith('    ') && !HUMAN_LINE.test(text))).toEqual([]);
    const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kolkata', hour: '2-digit' });
    // The hour may have changed meanwhile.
    const hours = [0, 60_000].map((ago) => clock.format(Date.now() - ago));
    expect(hours).toContain(started.tail.split('\n').at(-1)?.slice(1, 3));

    const children = descendants(started.pid);
    expect(children.length).toBeGreaterThanOrEqual(apps.length);
    // As a terminal sends it, to its whole foreground.
    process.kill(-started.pid, 'SIGINT');
    expect(await started.waitForExit()).toMatchObject({ code: 0 });
    expect(children.filter(({ pid }) => isAlive(pid))).toEqual([]);
    for (const app of apps)
      expect(started.lines.some(({ text }) => text.includes(`INFO: ${app.padEnd(13)} stopped`))).toBe(true);
  });

  it('that is killed takes them all with it', async () => {
    await using started = await startProcess({ script, env: stack.settings, cwd: root });
    await readyOf(started);
    const children = descendants(started.pid);
    await started.kill();
    expect(await eventually(() => children.every(({ pid }) => !isAlive(pid)))).toBe(true);
  });

  it.skipIf(!hasTerminal())('has colours on a terminal, and ends with Ctrl-C there', async () => {
    await using terminal = await startOnTerminal({
      command: process.execPath,
      args: [script],
      env: stack.settings,
      columns: 200,
    });
    await terminal.waitForLine(new RegExp(String.raw`\u001B\[32mINFO\u001B\[39m: \u001B\[36mverify-worker +ready`));
    terminal.type('\u0003');
    expect(await terminal.waitForExit()).toMatchObject({ code: 0 });
    expect(descendants(terminal.pid)).toEqual([]);
  });

  it('ends them all when one ends, and exits as that one did', async () => {
    await using started = await startProcess({
      command: 'npm',
      args: ['start', '--silent'],
      env: { ...stack.settings, VERIFY_MEMORY_LIMIT: 'much' },
      cwd: root,
    });
    expect(await started.waitForExit()).toMatchObject({ code: 1 });
    const text = started.lines.map((line) => line.text).join('\n');
    expect(text).toMatch(/has ended with code 1; the others are ended too/);
    expect(text).toContain('VERIFY_MEMORY_LIMIT: expected');
    expect(text).not.toContain(stack.settings['AWS_SECRET_ACCESS_KEY']);
  });
});
