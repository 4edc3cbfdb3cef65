import { Command } from 'commander';
import { addAccept } from './accept.ts';
import { addCompletion } from './completion.ts';
import { addDoctor } from './doctor.ts';
import { addDump } from './dump.ts';
import { exitCodeMeanings, exitCodes } from './exit-codes.ts';
import { addList } from './list.ts';
import { addNotify } from './notify.ts';
import { addPrune } from './prune.ts';
import { addRestore } from './restore.ts';
import { addStatus } from './status.ts';
import { addVerify } from './verify.ts';

/** `pgstow` with all its verbs. It throws CommanderError where commander would end the process. */
export function createProgram(): Command {
  const pgstow = new Command('pgstow')
    .description('PostgreSQL backups that are proven before they are counted')
    .showHelpAfterError()
    .exitOverride()
    .addHelpText('after', () => `\n${describeExitCodes()}\n\n${CONFIGURED}`);
  const verbs = [addStatus, addList, addDump, addVerify, addRestore, addAccept, addPrune, addDoctor, addNotify];
  for (const add of verbs) add(pgstow);
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
