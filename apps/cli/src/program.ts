import { Command } from 'commander';
import { exitCodeMeanings, exitCodes } from './exit-codes.ts';

type AddVerb = (pgstow: Command) => void;

/** In the order of the help. */
const verbs: Readonly<Record<string, () => Promise<AddVerb>>> = {
  status: async () => (await import('./status.ts')).addStatus,
  list: async () => (await import('./list.ts')).addList,
  dump: async () => (await import('./dump.ts')).addDump,
  verify: async () => (await import('./verify.ts')).addVerify,
  restore: async () => (await import('./restore.ts')).addRestore,
  prune: async () => (await import('./prune.ts')).addPrune,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  notify: async () => (await import('./notify.ts')).addNotify,
};

/**
 * `pgstow` with the verb that the command line begins with, or with all verbs where it begins with none. Loaded together, they
 * bring so many libraries along that each start would take twice as long. It throws CommanderError where commander would end
 * the process.
 *
 * @param words the command line, without program and script
 */
export async function createProgram([first = '']: readonly string[]): Promise<Command> {
  const pgstow = new Command('pgstow')
    .description('PostgreSQL backups that are proven before they are counted')
    .showHelpAfterError()
    .exitOverride()
    .addHelpText('after', () => `\n${describeExitCodes()}\n\n${CONFIGURED}`);
  const one = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  if (one !== undefined) {
    (await one())(pgstow);
    return pgstow;
  }
  for (const load of Object.values(verbs)) (await load())(pgstow);
  const { addCompletion } = await import('./completion.ts');
  addCompletion(pgstow);
  return pgstow;
}

const CONFIGURED =
  'It is configured by the environment of the processes (docs/configuration.md).\nMore about each verb: pgstow VERB --help, and docs/command-line.md.';

function describeExitCodes(): string {
  const lines = Object.entries(exitCodeMeanings).map(([name, meaning]) => {
    return `  ${String(exitCodes[name as keyof typeof exitCodes]).padStart(3)}  ${meaning}`;
  });
  return ['Exit codes:', ...lines].join('\n');
}
