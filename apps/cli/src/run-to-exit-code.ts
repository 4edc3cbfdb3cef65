import { ConfigError } from '@pgstow/shared/config/read-config.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { CommanderError, type Command } from 'commander';
import { type ExitCode, exitCodes, ExitError } from './exit-codes.ts';
import { formatName } from './format/format-text.ts';

/** Runs the command line, and writes a failure to stderr. @returns the exit code */
export async function runToExitCode(pgstow: Command): Promise<ExitCode> {
  process.stdout.on('error', endWithItsReader);
  try {
    await pgstow.parseAsync();
    return exitCodes.ok;
  } catch (error) {
    // Commander has printed it already. Help that was asked for is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    console.error(`pgstow: ${describeError(error)}`.split('\n').map(formatName).join('\n'));
    if (error instanceof ExitError) return error.code;
    if (!(error instanceof ConfigError)) return exitCodes.failed;
    console.error('See docs/configuration.md.');
    return exitCodes.usage;
  }
}

/** Ends the process when its reader has ended, as in `pgstow list | head`. */
function endWithItsReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing reads what is written from here on
  process.exit();
}
