import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { CLI, outputOf } from './processes/run-cli.ts';
import { startApp } from './processes/start-app.ts';
import { startScheduler } from './processes/start-scheduler.ts';
import { settingsOf, type Environment } from './settings-of.ts';
import { startServers, type Servers } from './start-servers.ts';

export const PREFIX = 'site/';

export type Finding = {
  readonly check: string;
  readonly subject: string | null;
  readonly status: 'ok' | 'warning' | 'fault' | 'skipped';
  readonly message: string;
  readonly hint: string | null;
};

export type Diagnosis = {
  readonly code: number | null;
  readonly findings: readonly Finding[];
  readonly stderr: string;
  /** The names of the checks that found a fault. */
  readonly faults: readonly string[];
  /** The only finding of a check that is not `ok`. */
  readonly finding: (check: string) => Finding;
};

/** Runs `pgstow doctor --json`. @param prefix a command that runs it */
export async function diagnose(env: Environment, prefix: readonly string[] = []): Promise<Diagnosis> {
  const [command = '', ...args] = prefix.concat(process.execPath, CLI, 'doctor', '--json');
  await using child = await startProcess({ command, args, env, cwd: '/' });
  const { code } = await child.waitForExit();
  const { findings } = JSON.parse(outputOf(child, 'stdout')) as { findings: readonly Finding[] };
  const faults = findings.filter(({ status }) => status === 'fault').map(({ check }) => check);
  return {
    code,
    findings,
    stderr: outputOf(child, 'stderr'),
    faults: [...new Set(faults)],
    finding: (check) => {
      const found = findings.filter((each) => each.check === check && each.status !== 'ok');
      if (found[0] === undefined || found.length > 1)
        throw new Error(`wanted one finding of ${check}, got ${JSON.stringify(found)} of ${JSON.stringify(findings)}`);
      return found[0];
    },
  };
}

export interface DoctorStage extends Servers {
  readonly folder: string;
  readonly env: Environment;
}

/** All of pgstow's processes on real servers, with a first backup of the database `shop` that is good. */
export async function setDoctorStage(): Promise<DoctorStage> {
  await using cleanup = new AsyncDisposableStack();
  const { redis, postgres, s3 } = cleanup.use(await startServers({ shop: '' }, { appendOnly: true }));
  const { path: folder } = cleanup.use(await tempFolder('pgstow-doctor-'));
  const { path: scratch } = cleanup.use(await tempFolder('pgstow-scratch-', unprivilegedUser()));
  const env = {
    ...settingsOf({ postgres, databases: 'shop', redis, s3, prefix: PREFIX, folder }),
    BACKUP_CRON: '0 3 * * *',
    BACKUP_INTERVAL: '',
    TZ: 'Europe/Berlin',
    VERIFY_DIR: scratch,
    VERIFY_MEMORY_LIMIT: '128',
    BOARD_PASSWORD: 'canary-board-password',
  };
  for (const app of ['dump-worker', 'upload-worker', 'verify-worker'] as const) cleanup.use(await startApp(app, env));
  cleanup.use(await startScheduler(env));
  await eventually(async () => (await readFolder(folder)).dumps[0]?.restoreTests.get('s3')?.result === 'good');
  const owned = cleanup.move();
  return { postgres, redis, s3, folder, env, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A proxy before a store that changes the headers of requests or answers. */
export async function startHeaderProxy(
  target: string,
  { ofRequest = (headers) => headers, ofAnswer = (headers) => headers }: HeaderChanges,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((incoming, answer) => {
    const { method, url = '/' } = incoming;
    const outgoing = request(new URL(url, target), { method, headers: ofRequest(incoming.headers), agent: false });
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, ofAnswer(response.headers));
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

type HeaderChanges = {
  readonly ofRequest?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
  readonly ofAnswer?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
};
