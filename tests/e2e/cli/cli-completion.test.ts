import { chmod, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCommand } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { hasTerminal, startOnTerminal } from '@pgstow/testing/processes/terminal.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { CLI, runCli } from '../stage/processes/run-cli.ts';

describe('completion', { concurrent: true }, () => {
  let programs: TempFolder;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    programs = await tempFolder();
    const pgstow = join(programs.path, 'pgstow');
    await writeFile(pgstow, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(pgstow, 0o755);
    env = {
      PATH: `${programs.path}:${process.env['PATH']}`,
      HOME: programs.path,
      POSTGRES_HOST: 'nowhere',
      POSTGRES_USER: 'backup',
      POSTGRES_DB: 'shop,orders,my db',
    };
  });
  afterAll(() => programs[Symbol.asyncDispose]());

  describe('in bash', () => {
    /** The completions that bash offers for each list of words; the last word is incomplete. */
    const offered = async (...lists: readonly (readonly string[])[]): Promise<readonly (readonly string[])[]> => {
      const script = `
      source <(pgstow completion bash)
      source <(pgstow completion bash)
      [[ $(complete -p pgstow) == *-F* ]] || exit 9
      complete_words=$(complete -p pgstow | sed 's/.*-F \\([^ ]*\\).*/\\1/')
      COMP_WORDS=(pgstow)
      for word; do
        if [[ $word != --next-- ]]; then COMP_WORDS+=("$word"); continue; fi
        COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        $complete_words
        printf '%s\\n' "\${COMPREPLY[@]}" --next--
        COMP_WORDS=(pgstow)
      done`;
      const words = lists.flatMap((list) => [...list, '--next--']);
      await using bash = await startProcess({ command: 'bash', args: ['--norc', '-c', script, 'bash', ...words], env });
      expect(await bash.waitForExit()).toMatchObject({ code: 0 });
      expect(bash.lines.filter(({ stream }) => stream === 'stderr')).toEqual([]);
      const said = bash.lines.map(({ text }) => text).join('\n');
      const parts = said.split('--next--').slice(0, lists.length);
      return parts.map((part) => part.split('\n').filter(Boolean));
    };

    it('offers the verbs, the options of a verb and their values, those that begin as typed', async () => {
      const [verbs, options, ...typed] = await offered(
        [''],
        ['list', '--'],
        ['st'],
        ['verify', '--w'],
        ['restore', 'shop', '--cr'],
        ['restore', 'shop', '--from', ''],
        ['completion', 'z'],
      );
      expect(verbs).toEqual(expect.arrayContaining(['status', 'list', 'dump', 'verify', 'accept', 'prune', 'notify']));
      expect(options).toEqual(expect.arrayContaining(['--json', '--long', '--from']));
      expect(typed).toEqual([['status'], ['--wait'], ['--create'], ['local', 's3'], ['zsh']]);
    });

    it('offers the configured databases, quoted as bash needs it, and runs nothing that is typed', async () => {
      const file = join(programs.path, 'bash-ran-it');
      expect(
        await offered(
          ['list', ''],
          ['dump', 'shop', 'o'],
          ['restore', 's'],
          ['verify', '--database', ''],
          ['list', `$(touch ${file})`],
        ),
      ).toEqual([['shop', 'orders', 'my\\ db'], ['orders'], ['shop'], ['shop', 'orders', 'my\\ db'], []]);
      await expect(stat(file)).rejects.toThrow('ENOENT');
    });
  });

  describe.skipIf(!hasCommand('zsh') || !hasTerminal())('in zsh (skipped without zsh)', () => {
    /** The line after Tab was pressed, for each of these. */
    const completed = async (...typed: readonly string[]): Promise<readonly string[]> => {
      await using zsh = await startOnTerminal({ command: 'zsh', args: ['-f', '-i'], env, columns: 200 });
      // With its default binding of Tab, zsh runs a command substitution before the cursor. complete-word does not.
      zsh.type(`autoload -U compinit && compinit -u -D && source <(pgstow completion zsh) && source <(pgstow completion zsh)
show() { print -r -- "\\nLINE<$BUFFER>"; zle kill-buffer }; zle -N show; bindkey '^O' show; bindkey '^I' complete-word
print -r -- rea'dy'\n`);
      await zsh.waitForLine(/^ready/);
      const lines: string[] = [];
      for (const each of typed) {
        const fromLine = zsh.lines.length;
        zsh.type(`${each}\t\u000f`);
        const { text } = await zsh.waitForLine(/LINE<.*>/, { fromLine });
        lines.push(/LINE<(.*)>/.exec(text)?.[1] ?? '');
      }
      return lines;
    };

    it('completes verbs, options, their values and databases, quoted as zsh needs it', async () => {
      const typed = ['pgstow sta', 'pgstow restore s', 'pgstow restore shop --cr', 'pgstow list --from l'];
      expect(await completed(...typed, 'pgstow list --from=l', 'pgstow dump m', 'pgstow dump my\\ ')).toEqual([
        'pgstow status ',
        'pgstow restore shop ',
        'pgstow restore shop --create ',
        'pgstow list --from local ',
        'pgstow list --from=local ',
        'pgstow dump my\\ db ',
        'pgstow dump my\\ db ',
      ]);
    });

    it('runs nothing that is typed', async () => {
      const file = join(programs.path, 'zsh-ran-it');
      const typed = `pgstow list $(touch ${file})`;
      expect(await completed(typed)).toEqual([typed]);
      await expect(stat(file)).rejects.toThrow('ENOENT');
    });
  });

  describe.skipIf(!hasCommand('fish'))('in fish (skipped without fish)', () => {
    const offered = async (...typed: readonly string[]): Promise<readonly (readonly string[])[]> => {
      const script = `pgstow completion fish | source; for each in $argv; complete -C "$each"; echo --next--; end`;
      await using fish = await startProcess({ command: 'fish', args: ['--no-config', '-c', script, ...typed], env });
      expect(await fish.waitForExit()).toMatchObject({ code: 0 });
      const said = fish.lines.map(({ text }) => text).join('\n');
      const values = (part: string) =>
        part
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split('\t', 1)[0] ?? '');
      return said
        .split('--next--')
        .slice(0, typed.length)
        .map((part) => values(part).sort());
    };

    it('offers verbs, options, their values and databases, and runs nothing that is typed', async () => {
      const file = join(programs.path, 'fish-ran-it');
      const typed = ['pgstow sta', 'pgstow restore shop --cr', 'pgstow list --from ', 'pgstow list '];
      const [verbs, options, places, databases, substituted] = await offered(...typed, `pgstow list (touch ${file})`);
      expect({ verbs, options, places, databases, substituted }).toEqual({
        verbs: ['status'],
        options: ['--create'],
        places: ['local', 's3'],
        databases: ['my db', 'orders', 'shop'],
        substituted: [],
      });
      await expect(stat(file)).rejects.toThrow('ENOENT');
    });
  });
});

test.each(['powershell', 'tcsh'])('completion for %s, which is not supported, is refused', async (shell) => {
  const { code, stderr } = await runCli(['completion', shell]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('Allowed choices are bash, zsh, fish.'),
  });
});
