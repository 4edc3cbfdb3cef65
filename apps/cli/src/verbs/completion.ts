import { Argument, type Command } from 'commander';

const EXAMPLES = `
Examples:
  source <(pgstow completion bash)                                     in ~/.bashrc
  source <(pgstow completion zsh)                                      in ~/.zshrc, after compinit
  pgstow completion fish >~/.config/fish/completions/pgstow.fish

The shell calls pgstow by that name. In a compose stack, define it first:
  pgstow() { docker-compose run --rm cli "$@"; }`;

/** Nothing that was typed is evaluated, and names with spaces are quoted. */
const SCRIPTS = {
  bash: `# bash completion for pgstow
_pgstow() {
  local value
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    COMPREPLY+=("$(printf %q "$value")")
  done < <(pgstow complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _pgstow pgstow`,
  zsh: `#compdef pgstow
_pgstow() {
  local value description
  local -a values
  while IFS=$'\\t' read -r value description; do
    values+=("\${value//:/\\\\:}\${description:+:$description}")
  done < <(pgstow complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  if (( $#values )); then _describe pgstow values; else _files; fi
}
if [[ $funcstack[1] == _pgstow ]]; then _pgstow; else compdef _pgstow pgstow; fi`,
  fish: `# fish completion for pgstow
function __pgstow_complete
    set -l typed (commandline -ct)
    pgstow complete -- (commandline -opc)[2..-1] "$typed" 2>/dev/null
end
complete -c pgstow -e
complete -c pgstow -f -a '(__pgstow_complete)'`,
} as const;

/** `pgstow completion`: the script by which a shell completes verbs, options and databases. */
export function addCompletion(pgstow: Command): void {
  pgstow
    .command('completion')
    .description('print a shell’s completion of verbs, options and databases')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action((shell: keyof typeof SCRIPTS) => console.log(SCRIPTS[shell]));
}
