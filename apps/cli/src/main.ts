import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { Command } from 'commander';
import { addDump } from './dump.ts';

const pgstow = new Command('pgstow')
  .description('PostgreSQL backups that are proven before they are counted')
  .showHelpAfterError()
  .addHelpText('after', '\nIt is configured by the same environment as the processes; see docs/configuration.md.');
addDump(pgstow);

try {
  await pgstow.parseAsync();
} catch (error) {
  console.error(`pgstow: ${describeError(error)}`);
  process.exitCode = 1;
}
