import type { Argument, Command, Option } from 'commander';
import { readSettings, targetsNow } from '../read-settings.ts';
import { listServers } from '../servers/choose-servers.ts';
import { inServer, showDatabase } from '../servers/current-server.ts';

type Suggestion = readonly [word: string, description: string];

/** `pgstow complete -- WORDS`: prints what the last word may become, for the scripts of `pgstow completion`. */
export function addComplete(pgstow: Command): void {
  pgstow
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action((words: readonly string[]) => {
      const typed = words.at(-1) ?? '';
      for (const [word, description] of suggest(pgstow, words.slice(0, -1), typed))
        if (word.startsWith(typed)) console.log(`${word}\t${description}`);
    });
}

function suggest(pgstow: Command, [name, ...before]: readonly string[], typed: string): readonly Suggestion[] {
  const help = pgstow.createHelp();
  const verb = name === undefined ? pgstow : pgstow.commands.find((each) => each.name() === name);
  if (verb === undefined) return [];
  const optionOf = (word: string): Option | undefined =>
    verb.options.find(({ long, required, optional }) => long === word && (required || optional));

  const flag = /^--[^=]+(?==)/.exec(typed)?.[0] ?? '';
  if (flag !== '') return valuesOf(optionOf(flag)).map(([value, text]) => [`${flag}=${value}`, text]);
  let waiting: Option | undefined;
  let position = 0;
  for (const word of before) {
    const isValue = waiting !== undefined;
    waiting = isValue ? undefined : optionOf(word);
    if (!isValue && !word.startsWith('-')) position += 1;
  }
  if (waiting !== undefined) return valuesOf(waiting);
  if (typed.startsWith('-')) return help.visibleOptions(verb).map(({ long, description }) => [long ?? '', description]);
  if (verb === pgstow) return help.visibleCommands(pgstow).map((each) => [each.name(), each.description()]);
  const last = verb.registeredArguments.at(-1);
  return valuesOf(verb.registeredArguments[position] ?? (last?.variadic === true ? last : undefined));
}

function valuesOf(taker: Argument | Option | undefined): readonly Suggestion[] {
  if (taker?.name() === 'database') return configuredDatabases().map((database) => [database, 'database']);
  return taker?.argChoices?.map((choice) => [choice, '']) ?? [];
}

/** None where the configuration has a fault: while a person presses Tab, there is no place for a message. */
function configuredDatabases(): readonly string[] {
  try {
    return listServers().flatMap((server) =>
      inServer(server, () => targetsNow(readSettings('postgres').postgres).map(showDatabase)),
    );
  } catch {
    return [];
  }
}
