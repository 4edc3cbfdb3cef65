import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { readSettings } from './read-settings.ts';

const EXAMPLES = `
Examples:
  source <(pgstow completion bash)                                     in ~/.bashrc
  source <(pgstow completion zsh)                                      in ~/.zshrc, after compinit
  pgstow completion fish >~/.config/fish/completions/pgstow.fish
  pgstow completion powershell | Out-String | Invoke-Expression        in $PROFILE

It calls pgstow by that name. In a compose stack, define it first:
  pgstow() { docker-compose run --rm cli "$@"; }`;

const DESCRIPTION = 'print what makes a shell complete verbs, options and databases';

/**
 * For bash, in place of the library's own script: that one hands what was typed to `eval`, fails without the package
 * bash-completion, and complains when it is read twice.
 */
const BASH = `# bash completion for pgstow
_pgstow() {
  local value
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    [[ $value == :* ]] || COMPREPLY+=("$(printf %q "$value")")
  done < <(pgstow complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _pgstow pgstow`;

/** `pgstow completion`: the script by which a shell completes verbs, options and databases. Call it once all verbs are there. */
export function addCompletion(pgstow: Command): void {
  const completion = tab(pgstow, { completionCommandName: 'completion' });
  pgstow.commands
    .find((each) => each.name() === 'completion')
    ?.description(DESCRIPTION)
    .addHelpText('after', EXAMPLES)
    .action((shell: string) => {
      if (shell === 'bash') console.log(BASH);
      else completion.setup('pgstow', 'pgstow', shell);
    });
  const own = completion.commands.get('completion');
  if (own !== undefined) own.description = DESCRIPTION;
  for (const { arguments: positional, options } of completion.commands.values()) {
    for (const taker of [positional.get('database'), options.get('database')])
      if (taker !== undefined) taker.handler = suggestDatabases;
  }
}

function suggestDatabases(complete: (value: string, description: string) => void): void {
  for (const database of configuredDatabases()) complete(database, 'database');
}

/** None where the configuration has a fault: a key that is pressed for help is no place to say so. */
function configuredDatabases(): readonly string[] {
  try {
    return readSettings('postgres').postgres.databases;
  } catch {
    return [];
  }
}
