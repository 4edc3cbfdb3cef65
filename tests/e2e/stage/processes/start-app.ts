import { fileURLToPath } from 'node:url';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import type { Environment } from '../settings-of.ts';

/** The processes of a whole pgstow. */
export const apps = ['scheduler', 'dump-worker', 'upload-worker', 'verify-worker'] as const;
export type App = (typeof apps)[number];

export const mainOf = (app: App | 'scratch-host' | 'cli'): string =>
  fileURLToPath(new URL(`../../../../apps/${app}/src/main.ts`, import.meta.url));

/** One of our processes, once it is ready. */
export async function startApp(app: Parameters<typeof mainOf>[0], env: Environment): Promise<BoundProcess> {
  const started = await startProcess({ script: mainOf(app), env });
  try {
    await started.waitForLine(/"msg":"ready"/);
    return started;
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
}
