import { ConfigError } from '@pgstow/shared/config/read-config.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { CommanderError, type Command } from 'commander';
import { exitCodes, ExitError, type ExitCode } from './exit-codes.ts';
import { formatName } from './format/format-text.ts';

/** Runs what the command line asks for, says on stderr what went wrong, and returns the exit code that tells it. */
export async function runToExitCode(pgstow: Command): Promise<ExitCode> {
  process.stdout.on('error', endWithItsReader);
  try {
    await pgstow.parseAsync();
    return exitCodes.ok;
  } catch (error) {
    // Commander has said it already. Asked for, help is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    console.error(`pgstow: ${describeError(error)}`.split('\n').map(formatName).join('\n'));
    if (error instanceof ExitError) return error.code;
    if (!(error instanceof ConfigError)) return exitCodes.failed;
    console.error('See docs/configuration.md.');
    return exitCodes.usage;
  }
}

/** `pgstow list | head`: whoever reads has read enough. */
function endWithItsReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing that is written would be seen
  process.exit();
}
