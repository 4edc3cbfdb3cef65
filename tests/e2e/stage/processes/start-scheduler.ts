import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import type { Environment } from '../settings-of.ts';
import { mainOf } from './start-app.ts';

export const BOARD_USER = 'admin';
export const BOARD_PASSWORD = 'canary-board-password';
export const POSTGRES_PASSWORD = 'canary-postgres-password';

type BoardRequest = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> };

export type Scheduler = AsyncDisposable & {
  readonly process: BoundProcess;
  /** The address of its web server, without a slash at the end. */
  readonly base: string;
  /** Sends a request with the board's password, unless `init` says otherwise. */
  request(path: string, init?: BoardRequest): Promise<Response>;
};

/** The real scheduler on a free port, once it is ready. Its PostgreSQL server need not exist. */
export async function startScheduler(env: Environment): Promise<Scheduler> {
  const child = await launchScheduler(env);
  try {
    const line = await child.waitForLine(/"url":"http/);
    await child.waitForLine(/"msg":"ready"/);
    const base = new URL(String(line.json?.['url'])).origin;
    return {
      process: child,
      base,
      request: (path, init = {}) =>
        fetch(`${base}${path}`, {
          redirect: 'manual',
          ...init,
          headers: { authorization: basic(BOARD_USER, BOARD_PASSWORD), ...init.headers },
        }),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

/** The same, without waiting. */
export function launchScheduler(env: Environment): Promise<BoundProcess> {
  const settings = {
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_USER: 'backup',
    POSTGRES_PASSWORD,
    POSTGRES_DB: 'shop',
    BACKUP_INTERVAL: '3600',
    BOARD_PORT: '0',
    BOARD_USER,
    BOARD_PASSWORD,
    ...env,
  };
  // An empty value counts as not set.
  return startProcess({ script: mainOf('scheduler'), env: settings });
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
