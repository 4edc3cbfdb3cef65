import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { readSettings } from '../read-settings.ts';

const EXAMPLES = `
Examples:
  source <(pgstow completion bash)                                     in ~/.bashrc
  source <(pgstow completion zsh)                                      in ~/.zshrc, after compinit
  pgstow completion fish >~/.config/fish/completions/pgstow.fish

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

/** For zsh: the library's own leaves names with spaces unquoted, and hands what was typed to `eval` as well. */
const ZSH = `#compdef pgstow
_pgstow() {
  local value description
  local -a values
  while IFS=$'\\t' read -r value description; do
    [[ $value == :* ]] || values+=("\${value//:/\\\\:}\${description:+:$description}")
  done < <(pgstow complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  [[ $words[CURRENT] == -*=* ]] && compset -P '*='
  if (( $#values )); then _describe pgstow values; else _files; fi
}
if [[ $funcstack[1] == _pgstow ]]; then _pgstow; else compdef _pgstow pgstow; fi`;

/** The library has one for PowerShell, too, which nobody has run. */
const SHELLS = ['bash', 'zsh', 'fish'];

/** `pgstow completion`: the script by which a shell completes verbs, options and databases. Call it once all verbs are there. */
export function addCompletion(pgstow: Command): void {
  const completion = tab(pgstow, { completionCommandName: 'completion' });
  const verb = pgstow.commands.find((each) => each.name() === 'completion');
  verb?.registeredArguments[0]?.choices(SHELLS);
  verb
    ?.description(DESCRIPTION)
    .addHelpText('after', EXAMPLES)
    .action((shell: string) => {
      if (shell === 'fish') completion.setup('pgstow', 'pgstow', shell);
      else console.log(shell === 'bash' ? BASH : ZSH);
    });
  const own = completion.commands.get('completion');
  if (own !== undefined) own.description = DESCRIPTION;
  const shell = own?.arguments.get('shell');
  if (shell !== undefined) shell.handler = (complete) => SHELLS.forEach((each) => complete(each, ''));
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
