import { access, constants, stat } from 'node:fs/promises';
import { runProgram } from '@pgstow/postgres/client/run-program.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { whoami } from '@pgstow/shared/runtime/whoami.ts';
import { confine } from './scratch-user.ts';

/** @throws PermanentError with a hint, if no scratch server could live in the folder */
export async function assertScratchRoot(folder: string): Promise<void> {
  const stats = await stat(folder).catch(() => undefined);
  if (stats?.isDirectory() !== true) {
    throw new PermanentError(`VERIFY_DIR ${folder} is not a folder`, { hint: 'Create it, or set VERIFY_DIR.' });
  }
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new PermanentError(`cannot write to VERIFY_DIR ${folder} as user ${whoami()}`, {
      hint: `Let this user write there: chown -R ${whoami()} '${folder}'`,
      cause,
    });
  }
  const { owner, commandLine } = await confine();
  if (owner === undefined) return;
  const { failed } = await runProgram(commandLine(['test', '-x', folder], 'TERM'), {});
  if (!failed) return;
  throw new PermanentError(`the user ${owner.name}, as whom scratch servers run, cannot get to VERIFY_DIR ${folder}`, {
    hint: 'Let everybody enter the folders above it (chmod o+x), or set another VERIFY_DIR.',
  });
}
