import { Command } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { exitCodeMeanings, exitCodes } from './exit-codes.ts';

type AddVerb = (pgstow: Command) => void;

/** The verbs, in the order of the help. */
const verbs: Readonly<Record<string, () => Promise<AddVerb>>> = {
  status: async () => (await import('./verbs/status.ts')).addStatus,
  list: async () => (await import('./verbs/list.ts')).addList,
  dump: async () => (await import('./verbs/dump.ts')).addDump,
  verify: async () => (await import('./verbs/verify.ts')).addVerify,
  restore: async () => (await import('./verbs/restore.ts')).addRestore,
  accept: async () => (await import('./verbs/accept.ts')).addAccept,
  pin: async () => (await import('./verbs/pin.ts')).addPin,
  unpin: async () => (await import('./verbs/pin.ts')).addUnpin,
  prune: async () => (await import('./verbs/prune.ts')).addPrune,
  release: async () => (await import('./verbs/release.ts')).addRelease,
  prepare: async () => (await import('./verbs/prepare.ts')).addPrepare,
  recover: async () => (await import('./verbs/recover.ts')).addRecover,
  doctor: async () => (await import('./verbs/doctor.ts')).addDoctor,
  notify: async () => (await import('./verbs/notify.ts')).addNotify,
  completion: async () => (await import('./verbs/completion.ts')).addCompletion,
};

/**
 * `pgstow` with the verb that the command line names, or with all verbs. The libraries of all verbs together would double the time
 * of each start. It throws CommanderError where commander would end the process.
 *
 * @param words the command line, without program and script
 */
export async function createProgram(words: readonly string[]): Promise<Command> {
  const pgstow = new Command('pgstow')
    .description('PostgreSQL backups that are proven before they are counted')
    .version(manifest.version)
    .showHelpAfterError()
    .exitOverride()
    .addHelpText('after', () => `\n${describeExitCodes()}\n\n${CONFIGURED}`);
  // `pgstow complete -- li`: a verb that is still being typed may become any.
  const [first = '', , completed = '', ...typed] = words;
  const isCompleting = first === 'complete';
  const verb = isCompleting && typed.length > 0 ? completed : first;
  const wanted = Object.hasOwn(verbs, verb) ? [verb] : Object.keys(verbs);
  for (const each of wanted) (await verbs[each]?.())?.(pgstow);
  if (isCompleting) (await import('./verbs/complete.ts')).addComplete(pgstow);
  return pgstow;
}

const CONFIGURED =
  'pgstow reads the same environment as the processes (docs/configuration.md).\nMore about each verb: pgstow VERB --help, and docs/command-line.md.';

function describeExitCodes(): string {
  const lines = Object.entries(exitCodeMeanings).map(([name, meaning]) => {
    return `  ${String(exitCodes[name as keyof typeof exitCodes]).padStart(3)}  ${meaning}`;
  });
  return ['Exit codes:', ...lines].join('\n');
}
