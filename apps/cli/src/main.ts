import { createProgram } from './program.ts';
import { runToExitCode } from './run-to-exit-code.ts';

process.exitCode = await runToExitCode(await createProgram(process.argv.slice(2)));
// All is said and released; what a library left open (a socket to a Redis that never answers) must not keep the process.
// oxlint-disable-next-line unicorn/no-process-exit -- with the exit code that was set
setTimeout(() => process.exit(), 500).unref();
