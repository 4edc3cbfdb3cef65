import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** What a program gets to know of our environment: PATH alone, neither secrets nor options of its own (`GZIP`, `PIGZ`). */
export function bareEnvironment(): { readonly env: Record<string, string>; readonly extendEnv: false } {
  return { env: { PATH: process.env['PATH'] ?? '' }, extendEnv: false };
}

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
