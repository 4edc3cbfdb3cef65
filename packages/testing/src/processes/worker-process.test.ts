import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { hasCommand } from '../machine/capabilities.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { assertNoChildren } from './assert-no-children.ts';
import { isAlive } from './running-processes.ts';
import { startProcess } from './worker-process.ts';

afterEach(() => assertNoChildren());

/** A script that runs until a signal ends it. */
async function writeScript(folder: string, source: string): Promise<string> {
  const path = join(folder, 'script.ts');
  await writeFile(path, `${source}\nsetInterval(() => {}, 1000);\n`);
  return path;
}

describe('startProcess', () => {
  it('runs TypeScript with the environment given and what keeps it lean alone, and reads its JSON lines', async () => {
    await using folder = await tempFolder();
    const script = await writeScript(
      folder.path,
      `process.on('SIGTERM', () => { console.log('bye'); process.exit(3); });
       const word: string = process.argv[2] ?? '';
       console.log(JSON.stringify({ level: 30, msg: word, env: Object.keys(process.env).sort(), flags: process.execArgv }));
       console.error('not { json');`,
    );
    await using child = await startProcess({ script, args: ['hello'], env: { NAME: 'value' } });

    const line = await child.waitForLine((line) => line.json?.['msg'] === 'hello');
    // The shell adds where it is.
    expect(line.json?.['env']).toEqual(['MALLOC_ARENA_MAX', 'NAME', 'NODE_COMPILE_CACHE', 'PATH', 'PWD']);
    expect(line.json?.['flags']).toEqual(['--max-semi-space-size=1']);
    expect((await child.waitForLine(/not \{/)).stream).toBe('stderr');
    child.signal('SIGTERM');
    expect(await child.waitForExit()).toEqual({ code: 3, signal: null });
    expect(child.lines.at(-1)?.text).toBe('bye');
  });

  it('shows the output when a line does not come, in time or at all', async () => {
    await using child = await startProcess({ command: 'sh', args: ['-c', 'echo oops >&2; sleep 60'] });
    await child.waitForLine(/oops/);
    await expect(child.waitForLine(/never/, { timeoutMs: 50 })).rejects.toThrow(/none came within 50 ms[^]*oops/);
    await expect(child.waitForExit({ timeoutMs: 50 })).rejects.toThrow(/still runs[^]*oops/);
    expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    await expect(child.waitForLine(/never/)).rejects.toThrow('was ended by SIGKILL');
  });

  it('kills the children of its process too on dispose', async () => {
    let grandchild: number;
    {
      await using child = await startProcess({ command: 'sh', args: ['-c', 'sleep 300 & echo $!; wait'] });
      grandchild = Number((await child.waitForLine(/^\d+$/)).text);
      expect(isAlive(grandchild)).toBe(true);
    }
    await eventually(() => !isAlive(grandchild));
  });

  it('names a program that is not there', async () => {
    await expect(startProcess({ command: 'no-such-program' })).rejects.toThrow('found no no-such-program');
  });

  it.skipIf(!hasCommand('setpriv'))('dies with the process that started it, even when that is killed', async () => {
    await using folder = await tempFolder();
    const pidFile = join(folder.path, 'pid');
    const script = await writeScript(
      folder.path,
      `import { writeFileSync } from 'node:fs';
       import { startProcess } from ${JSON.stringify(join(import.meta.dirname, 'worker-process.ts'))};
       const child = await startProcess({ command: 'sleep', args: ['300'] });
       writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
       console.log('started');`,
    );
    await using parent = await startProcess({ script });
    await parent.waitForLine(/started/);
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    await parent.kill();
    await eventually(() => !isAlive(pid));
  });
});
