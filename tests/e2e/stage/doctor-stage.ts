import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/postgres-server.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/s3-server.ts';
import { unprivilegedUser } from '@pgstow/testing/system-user.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { CLI, outputOf } from './run-cli.ts';
import { startScheduler } from './start-scheduler.ts';

export const BUCKET = 'backups';
export const PREFIX = 'site/';

type Environment = Readonly<Record<string, string>>;

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
  /** The one finding of a check that is no `ok`. */
  readonly finding: (check: string) => Finding;
};

/** What `pgstow doctor --json` says. @param prefix a command that runs it */
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

export interface DoctorStage extends AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly s3: S3Server;
  readonly folder: string;
  readonly env: Environment;
}

const mainOf = (app: string) => fileURLToPath(new URL(`../../../apps/${app}/src/main.ts`, import.meta.url));

/** All of pgstow's processes on real servers, with a first backup of the database `shop` that was found good. */
export async function setDoctorStage(): Promise<DoctorStage> {
  await using cleanup = new AsyncDisposableStack();
  const [redis, postgres, s3] = await Promise.all([
    startRedis({ appendOnly: true }).then((server) => cleanup.use(server)),
    startPostgres().then((server) => cleanup.use(server)),
    startS3({ buckets: [BUCKET] }).then((server) => cleanup.use(server)),
  ]);
  await postgres.createDatabase('shop');
  const { path: folder } = cleanup.use(await tempFolder('pgstow-doctor-'));
  const { path: scratch } = cleanup.use(await tempFolder('pgstow-scratch-', unprivilegedUser()));
  const env = {
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: 'shop',
    REDIS_URL: redis.url,
    BACKUP_DIR: folder,
    BACKUP_CRON: '0 3 * * *',
    BACKUP_INTERVAL: '',
    TZ: 'Europe/Berlin',
    VERIFY_DIR: scratch,
    VERIFY_MEMORY_LIMIT: '128',
    BOARD_PASSWORD: 'canary-board-password',
    S3_BUCKET: BUCKET,
    S3_PREFIX: PREFIX,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  for (const app of ['dump-worker', 'upload-worker', 'verify-worker']) {
    const worker = cleanup.use(await startProcess({ script: mainOf(app), env }));
    await worker.waitForLine(/"msg":"ready"/);
  }
  cleanup.use(await startScheduler(env));
  await eventually(async () => (await readFolder(folder)).dumps[0]?.restoreTests.get('s3')?.result === 'good');
  const owned = cleanup.move();
  return { postgres, redis, s3, folder, env, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Between a client and a store: changes the headers of requests or of answers. */
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
