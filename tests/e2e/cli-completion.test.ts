import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/temp-folder.ts';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { CLI, runCli } from './run-cli.ts';

describe('completion in bash', () => {
  let programs: TempFolder;
  beforeAll(async () => {
    programs = await tempFolder();
    const pgstow = join(programs.path, 'pgstow');
    await writeFile(pgstow, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(pgstow, 0o755);
  });
  afterAll(() => programs[Symbol.asyncDispose]());

  /** What bash would offer after these words, the last of which is being typed. */
  const offered = async (...words: readonly string[]): Promise<readonly string[]> => {
    const script = `
      source <(pgstow completion bash)
      source <(pgstow completion bash)
      [[ $(complete -p pgstow) == *-F* ]] || exit 9
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      $(complete -p pgstow | sed 's/.*-F \\([^ ]*\\).*/\\1/')
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    await using bash = await startProcess({
      command: 'bash',
      args: ['--norc', '-c', script, 'bash', 'pgstow', ...words],
      env: {
        PATH: `${programs.path}:${process.env['PATH']}`,
        POSTGRES_HOST: 'nowhere',
        POSTGRES_USER: 'backup',
        POSTGRES_DB: 'shop,orders,my db',
      },
    });
    expect(await bash.waitForExit()).toMatchObject({ code: 0 });
    expect(bash.lines.filter(({ stream }) => stream === 'stderr')).toEqual([]);
    return bash.lines.map(({ text }) => text).filter(Boolean);
  };

  it('offers the verbs, and those that begin as typed', async () => {
    expect(await offered('')).toEqual(
      expect.arrayContaining(['status', 'list', 'dump', 'verify', 'accept', 'prune', 'notify', 'completion']),
    );
    expect(await offered('st')).toEqual(['status']);
  });

  it('offers the options of a verb and their values', async () => {
    expect(await offered('list', '--')).toEqual(expect.arrayContaining(['--json', '--long', '--from']));
    expect(await offered('verify', '--w')).toEqual(['--wait']);
    expect(await offered('restore', 'shop', '--cr')).toEqual(['--create']);
    expect(await offered('restore', 'shop', '--from', '')).toEqual(['local', 's3']);
    expect(await offered('completion', 'z')).toEqual(['zsh']);
  });

  it('offers the configured databases, quoted as bash needs it, and runs nothing that is typed', async () => {
    expect(await offered('list', '')).toEqual(['shop', 'orders', 'my\\ db']);
    expect(await offered('dump', 'shop', 'o')).toEqual(['orders']);
    expect(await offered('restore', 's')).toEqual(['shop']);
    expect(await offered('verify', '--database', '')).toEqual(['shop', 'orders', 'my\\ db']);
    expect(await offered('list', '$(echo shop)')).toEqual([]);
  });
});

test.each(['zsh', 'fish', 'powershell'])('completion for %s is printed', async (shell) => {
  const { code, stdout } = await runCli(['completion', shell]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/pgstow complete|\$RequestComp/) });
});
