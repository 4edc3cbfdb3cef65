import { randomBytes } from 'node:crypto';
import type { Run } from '../run-to-end.ts';
import { INTERVAL_MINUTES, startApp } from '../start-app.ts';
import { waitUntil } from '../wait-until.ts';
import type { Servers } from './start-servers.ts';

export type Board = { readonly url: string; readonly user: string; readonly password: string };

/** Starts the scheduler, which enqueues the first dump at once, and opens its status page. */
export async function startScheduler(run: Run, servers: Servers): Promise<Board> {
  return run.steps.run('Scheduler', async (report) => {
    const user = 'admin';
    const password = randomBytes(6).toString('hex');
    const scheduler = await startApp(run, servers, 'scheduler', {
      BOARD_PORT: '0',
      BOARD_USER: user,
      BOARD_PASSWORD: password,
    });
    const url = await waitUntil(run, 'the address of the status page in the log of the scheduler', async () => {
      return scheduler.lines.map((line) => line.json?.['url']).find((url) => typeof url === 'string');
    });
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const { status } = await fetch(url, { headers: { authorization }, signal: run.signal });
    if (status !== 200) throw new Error(`wanted the status page at ${url}, got the HTTP status ${status}`);
    report(`a dump now and every ${INTERVAL_MINUTES} minutes; the status page is open`);
    return { url, user, password };
  });
}
