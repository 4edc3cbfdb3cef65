import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Whether PATH leads to a program of that name. */
export async function isOnPath(program: string): Promise<boolean> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (await isExecutable(join(folder, program))) return true;
  }
  return false;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
