import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { jobOptions, openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { canMountTmpfs, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { smallDisk } from '@pgstow/testing/machine/small-disk.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startFaultProxy, type FaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startMailServer, type MailServer } from '@pgstow/testing/servers/mail-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childOf, lockTable, noiseTable, PG_DUMP } from '../stage/dump-stage.ts';
import { expireLocks } from '../stage/faults/expire-locks.ts';
import { runCli } from '../stage/processes/run-cli.ts';
import { apps, mainOf, type App } from '../stage/processes/start-app.ts';
import { basic } from '../stage/processes/start-scheduler.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { setStack, type Stack } from '../stage/stack.ts';
import { startOtlpReceiver, type OtlpReceiver } from '../stage/witnesses/otlp-receiver.ts';
import { findSecrets, ProcessWatch, readFiles, readRedis, type Place } from '../stage/witnesses/secret-search.ts';

/** The canaries to look for. They are letters and digits, which have few encodings; most secrets hold more than that. */
const canaries = {
  POSTGRES_PASSWORD: 'cnryAApg5e1f7d93b2',
  DATABASE_URL: 'cnryBBdu4c8a2f6e71',
  AWS_ACCESS_KEY_ID: 'CNRYCC9D3B7F1A5E20',
  AWS_SECRET_ACCESS_KEY: 'cnryDDsk8b4e0c6a93',
  AWS_SESSION_TOKEN: 'cnryEEst1f5b9d3e7c',
  REDIS_URL: 'cnryFFre6a2c8e4f0b',
  BOARD_PASSWORD: 'cnryGGbo3d7f1b5a9c',
  HEARTBEAT_URL: 'cnryHHhb9e5c1a7d3f',
  NOTIFY_WEBHOOK: 'cnryIIwh2b6f0d4a8e',
  NOTIFY_SLACK: 'cnryJJsl7c3e9a5f1d',
  NOTIFY_DISCORD: 'cnryKKdi4f8b2d6c0a',
  NOTIFY_NTFY: 'cnryLLnt0a6e4c8f2b',
  NOTIFY_TELEGRAM: 'cnryMMtg5d1b9f7a3e',
  NOTIFY_MAIL: 'cnryNNma8c2f6b0e4d',
  NOTIFY_NOBODY: 'cnryOOno1e7a3d9b5f',
  OTEL_EXPORTER_OTLP_HEADERS: 'cnryPPot6f0c4a8e2d',
} as const;
const password = (name: keyof typeof canaries): string => `${canaries[name]} /+%é'"\\`;

const S3_REFUSAL = `<?xml version="1.0"?><Error><Code>InvalidAccessKeyId</Code><Message>The key ${canaries.AWS_ACCESS_KEY_ID} is not known</Message><AWSAccessKeyId>${canaries.AWS_ACCESS_KEY_ID}</AWSAccessKeyId><Token-0>${canaries.AWS_SESSION_TOKEN}</Token-0></Error>`;

describe.skipIf(!hasRedis() || !hasPostgres())('secrets', () => {
  const cleanup = new AsyncDisposableStack();
  let stack: Stack;
  let endpoint: HttpEndpoint;
  let mail: MailServer;
  let otlp: OtlpReceiver;
  /** The proxies between the workers and PostgreSQL, and S3. */
  let postgresProxy: FaultProxy;
  let s3Proxy: FaultProxy;
  let env: Readonly<Record<string, string>>;
  let watch: ProcessWatch;
  /** The output of every process of ours. */
  const outputs: Place[] = [];
  const started: { readonly app: string; readonly process: BoundProcess }[] = [];

  const start = async (app: App, more: Readonly<Record<string, string>> = {}): Promise<BoundProcess> => {
    const process = await stack.start(app, { ...env, ...more });
    started.push({ app, process });
    return process;
  };
  const cli = async (...args: readonly string[]) => {
    const ending = await runCli(args, env);
    outputs.push({ name: `pgstow ${args.join(' ')}`, text: `${ending.stdout}\n${ending.stderr}` });
    return ending;
  };
  /** Requests a dump, and returns the reason of its failure. */
  const failingDump = async (): Promise<string> => {
    const { id = '' } = await stack.dumps.add('ad-hoc', { target: 'shop' }, { ...jobOptions.dump, attempts: 1 });
    return eventually<string>(async () => (await stack.dumps.getJob(id))?.failedReason ?? '');
  };

  beforeAll(async () => {
    watch = cleanup.use(new ProcessWatch(20));
    endpoint = cleanup.use(await startHttpEndpoint());
    mail = cleanup.use(await startMailServer({ user: 'u', password: canaries.NOTIFY_MAIL }));
    otlp = cleanup.use(await startOtlpReceiver());
    const folder = canMountTmpfs() ? cleanup.use(await smallDisk(60_000_000)).path : undefined;
    stack = cleanup.use(
      await setStack(
        {},
        { redis: { appendOnly: true, password: password('REDIS_URL') }, ...(folder === undefined ? {} : { folder }) },
      ),
    );
    const { postgres, s3 } = stack;
    postgresProxy = cleanup.use(await startFaultProxy({ targetPort: postgres.port, protocol: 'tcp' }));
    s3Proxy = cleanup.use(await startFaultProxy({ targetPort: s3.port }));
    await postgres.psql(
      'postgres',
      `create role backup login superuser password ${quote(password('POSTGRES_PASSWORD'))}`,
    );
    await postgres.psql('postgres', `create role poor login password ${quote(password('DATABASE_URL'))}`);
    await postgres.psql('shop', noiseTable(8));
    env = {
      LOG_LEVEL: 'trace',
      ...stack.settings,
      POSTGRES_PORT: String(postgresProxy.port),
      POSTGRES_USER: 'backup',
      POSTGRES_PASSWORD: password('POSTGRES_PASSWORD'),
      AWS_ACCESS_KEY_ID: canaries.AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY: canaries.AWS_SECRET_ACCESS_KEY,
      AWS_SESSION_TOKEN: canaries.AWS_SESSION_TOKEN,
      S3_ENDPOINT: s3Proxy.url,
      S3_TIMEOUT: '1',
      BOARD_PASSWORD: password('BOARD_PASSWORD'),
      HEARTBEAT_URL: `${endpoint.url}/${canaries.HEARTBEAT_URL}/{database}`,
      NOTIFY_URLS: [
        `${endpoint.url}/hook/${canaries.NOTIFY_WEBHOOK}`,
        `slack+${endpoint.url}/services/T/B/${canaries.NOTIFY_SLACK}`,
        `discord+${endpoint.url}/api/webhooks/1/${canaries.NOTIFY_DISCORD}`,
        `ntfy+http://:${canaries.NOTIFY_NTFY}@${endpoint.host}/topic`,
        `telegram+http://1:${canaries.NOTIFY_TELEGRAM}@${endpoint.host}/?chats=@ops`,
        `smtp://u:${canaries.NOTIFY_MAIL}@${mail.host}:${mail.port}/?from=a@example.com&to=b@example.com&encryption=None`,
        `http://no-such-host.invalid/${canaries.NOTIFY_NOBODY}`,
      ].join(' '),
      ...otlp.env,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${canaries.OTEL_EXPORTER_OTLP_HEADERS}`,
    };
  });
  afterAll(() => cleanup.disposeAsync());

  it('do their work in a whole cycle', async () => {
    await Promise.all(apps.map((app) => start(app)));
    const name = await stack.restored();
    await endpoint.received(({ path }) => path.startsWith(`/${canaries.HEARTBEAT_URL}/shop?`));
    await otlp.endpoint.received(
      ({ headers }) => headers.authorization === `Bearer ${canaries.OTEL_EXPORTER_OTLP_HEADERS}`,
    );
    expect((await cli('notify', '--test')).stdout.match(/^taken /gm)).toHaveLength(6);
    for (const verb of [['list'], ['status'], ['doctor'], ['prune', '--dry-run'], ['verify', name, '--wait']])
      await cli(...verb);
    expect(await cli('restore', 'shop', '--to', 'again', '--create')).toMatchObject({ code: 0 });
  });

  it('meet the faults of PostgreSQL', async () => {
    await stack.postgres.psql('postgres', "alter role backup password 'another'");
    expect(await failingDump()).toMatch(/password authentication failed/);
    await cli('doctor');
    await stack.postgres.psql('postgres', `alter role backup password ${quote(password('POSTGRES_PASSWORD'))}`);

    let dumping = started.find(({ app }) => app === 'dump-worker')!.process;
    {
      // The lock holds pg_dump, however fast it is.
      await using _lock = await lockTable(stack.postgres, 'shop');
      const cutOff = failingDump();
      const waiting = "select count(*) from pg_stat_activity where datname = 'shop' and wait_event_type = 'Lock'";
      await eventually(async () => (await stack.postgres.psql('postgres', waiting)) !== '0');
      await eventually(() => findSecrets({ wanted: 'pg_dump --format=plain' }, watch.places).length > 0);
      await postgresProxy.refuse();
      expect(await cutOff).not.toBe('');
    }
    expect(await failingDump()).toMatch(/refused/);
    await postgresProxy.pass();

    await stack.dumps.add('ad-hoc', { target: 'shop' }, jobOptions.dump);
    await childOf(dumping, PG_DUMP);
    await dumping.kill();

    const user = `poor:${encodeURIComponent(password('DATABASE_URL'))}`;
    const byUrl = {
      POSTGRES_HOST: '',
      POSTGRES_PORT: '',
      POSTGRES_USER: '',
      POSTGRES_PASSWORD: '',
      POSTGRES_DB: '',
      DATABASE_URL: `postgresql://${user}@127.0.0.1:${postgresProxy.port}/shop`,
    };
    await expireLocks(stack.redis);
    dumping = await start('dump-worker', byUrl);
    await dumping.waitForLine(/permission denied/);
    await stack.postgres.psql('postgres', "alter role poor password 'another'");
    expect(await failingDump()).toMatch(/password authentication failed|permission denied/);
    await dumping.stop();
    await start('dump-worker');
  });

  it('meet a full disk', { skip: !canMountTmpfs() }, async () => {
    const filler = await open(join(stack.folder, 'filler'), 'w');
    await filler.writeFile(Buffer.alloc(80_000_000)).catch(() => undefined);
    await filler.close();
    expect(await failingDump()).toMatch(/free, and the dump needs/);
    await rm(join(stack.folder, 'filler'));
  });

  it('meet the faults of S3', async () => {
    const failsWith = async (fault: () => Promise<void>, message: RegExp) => {
      const uploading = started.find(({ app }) => app === 'upload-worker')!.process;
      const fromLine = uploading.lines.length;
      await fault();
      await stack.dumps.add('ad-hoc', { target: 'shop' }, jobOptions.dump);
      return uploading.waitForLine(message, { fromLine });
    };
    await failsWith(() => s3Proxy.status(403, { body: S3_REFUSAL }), /is not known|InvalidAccessKeyId|credentials/);
    for (const verb of [['list'], ['list', '--json'], ['doctor', '--json']]) await cli(...verb);
    await failsWith(() => s3Proxy.status(500, { body: S3_REFUSAL }), /"job attempt failed"/);
    await failsWith(() => s3Proxy.reset(), /"job attempt failed"/);
    // An attempt with the earlier fault may end after this one has begun.
    const late = await failsWith(() => s3Proxy.hang(), /"err":".*(?:time|abort).*"job attempt failed"/i);
    expect(late.json).toMatchObject({ process: 'upload-worker' });
    await s3Proxy.pass();
  });

  it('meet a bad dump, endpoints that fail, and a Redis that goes away', async () => {
    // The answer repeats every secret that the endpoint ever received.
    const keys = Object.entries(canaries).flatMap(([name, canary]) =>
      /^(?:NOTIFY|HEARTBEAT)/.test(name) ? canary : [],
    );
    endpoint.answer((response) => response.writeHead(500).end(`no: ${keys.join(' ')}`));
    // Earlier uploads, and the restore tests after them, must not end amid this test.
    await using uploads = openQueue('upload', 'default', stack.connection);
    await using tests = openQueue('verify', 'default', stack.connection);
    await eventually(async () => {
      await uploads.promoteJobs();
      const left = [uploads, tests].map((queue) =>
        queue.getJobCountByTypes('active', 'waiting', 'delayed', 'prioritized'),
      );
      return (await Promise.all(left)).every((count) => count === 0);
    });
    const name = await stack.cycle();
    const object = Buffer.from(await stack.s3.getObject(BUCKET, name));
    object[object.length >> 1]! ^= 1;
    await stack.s3.putObject(BUCKET, name, object);
    expect(await cli('verify', name, '--wait')).toMatchObject({ code: 4 });
    expect(await cli('notify', '--test')).toMatchObject({ code: 1 });
    await cli('accept', name);
    await cli('status');
    await stack.redis.restart();
    const { id = '' } = await stack.dumps.add('ad-hoc', { target: 'shop' }, jobOptions.dump);
    await eventually(async () => (await stack.dumps.getJobState(id)) === 'completed');
    await stack.redis.stop();
    await cli('status');
    await stack.redis.start();
  });

  it('stand beside faults of the configuration, or are ones', async () => {
    const faults: readonly Readonly<Record<string, string>>[] = [
      { SHUTDOWN_GRACE: 'x', POSTGRES_PORT: 'x', DATABASE_URL: `postgresql://u:${canaries.DATABASE_URL}@h:x/` },
      {
        REDIS_URL: `http://:${canaries.REDIS_URL}@h`,
        HEARTBEAT_URL: `ftp://${canaries.HEARTBEAT_URL}`,
        NOTIFY_URLS: `slack://${canaries.NOTIFY_SLACK}@x telegram://${canaries.NOTIFY_TELEGRAM} ${canaries.NOTIFY_WEBHOOK}`,
        OTEL_EXPORTER_OTLP_HEADERS: canaries.OTEL_EXPORTER_OTLP_HEADERS,
        OTEL_EXPORTER_OTLP_ENDPOINT: `grpc://${canaries.OTEL_EXPORTER_OTLP_HEADERS}`,
        AWS_SECRET_ACCESS_KEY: `${canaries.AWS_SECRET_ACCESS_KEY} x`,
      },
      { REDIS_URL: `redis://u:${canaries.REDIS_URL}@127.0.0.1:9` },
      { REDIS_URL: stack.redis.url.replace(canaries.REDIS_URL, `${canaries.REDIS_URL}x`) },
    ];
    for (const fault of faults) {
      await Promise.all(
        apps.map(async (app) => {
          const refused = await startProcess({ script: mainOf(app), env: { ...env, ...fault } });
          started.push({ app, process: refused });
          expect(await refused.waitForExit()).toMatchObject({ code: 1 });
        }),
      );
      const { stdout, stderr } = await runCli(['doctor'], { ...env, ...fault });
      outputs.push({ name: 'pgstow doctor', text: `${stdout}\n${stderr}` });
    }
  });

  it('appear nowhere', async () => {
    const scheduler = started.find(({ app }) => app === 'scheduler')!.process;
    const base = new URL(String(scheduler.lines.find(({ text }) => /"url":"http/.test(text))?.json?.['url'])).origin;
    const pages: Place[] = [];
    for (const path of ['/', '/healthz', '/livez', '/metrics', '/queues', ...QUEUES]) {
      for (const authorization of [basic('admin', password('BOARD_PASSWORD')), basic('admin', 'wrong'), undefined]) {
        const response = await fetch(base + path, { headers: authorization === undefined ? {} : { authorization } });
        const text = `${JSON.stringify([...response.headers])} ${await response.text()}`;
        pages.push({ name: `${path} (${response.status})`, text });
      }
    }
    expect(pages.filter(({ name }) => name.includes('(200)')).length).toBeGreaterThan(QUEUES.length + 3);
    const redis = await readRedis(stack.connection);
    await Promise.all(started.map(({ process }) => process.stop()));
    const objects = await Promise.all(
      (await stack.s3.listObjects(BUCKET)).map(async (object) => {
        const { key } = object;
        const content = key.endsWith('.sql.gz') ? '' : (await stack.s3.getObject(BUCKET, key)).toString('latin1');
        return { name: key, text: `${key} ${JSON.stringify(await stack.s3.headObject(BUCKET, key))} ${content}` };
      }),
    );
    const places: readonly Place[] = [
      ...outputs,
      ...started.map(({ app, process }) => ({ name: app, text: process.lines.map(({ text }) => text).join('\n') })),
      ...pages,
      ...redis,
      ...objects,
      ...(await readFiles(stack.folder)),
      ...(await readFiles(stack.scratch)),
      ...watch.places,
      // The address or the headers hold the receiver's own key; the body must hold none.
      ...endpoint.requests.map(({ path, body }) => ({ name: `the body that ${path} was sent`, text: body })),
      ...mail.mails.map(({ source }) => ({ name: 'a mail', text: source })),
      ...otlp.endpoint.requests.map(({ body }) => ({ name: 'spans', text: body })),
    ];
    expect(findSecrets(canaries, places)).toEqual([]);

    // The search looked at something, and would have found it.
    const looked: readonly (readonly [string, readonly Place[]])[] = [
      ['a restore test found a BAD dump', places],
      ['NOT HEALTHY', outputs],
      ['back up now', pages],
      ['"failedReason"', redis],
      ['pg_dump --format=plain', watch.places],
      ['"result": "bad"', await readFiles(stack.folder)],
      ['process dump', otlp.endpoint.requests.map(({ body }) => ({ name: 'spans', text: body }))],
    ];
    expect(
      looked.filter(([wanted, all]) => findSecrets({ wanted }, all).length === 0).map(([wanted]) => wanted),
    ).toEqual([]);
    for (const canary of Object.values(canaries)) {
      for (const text of [
        canary,
        encodeURIComponent(`a ${canary}`),
        basic('admin', `x${canary}y`),
        basic('ab', canary),
      ])
        expect(findSecrets({ canary }, [{ name: 'a plant', text }])).toHaveLength(1);
    }
    const planted = { name: 'planted', text: `"${password('POSTGRES_PASSWORD')}"` };
    expect(findSecrets(canaries, [...places, planted])).toHaveLength(1);
  });
});

const QUEUES = ['dump', 'upload', 'verify'].flatMap((queue) =>
  ['latest', 'failed', 'completed', 'delayed', 'waiting'].map(
    (status) => `/queues/api/queues?activeQueue=${queue}&status=${status}&page=1&jobsPerPage=100`,
  ),
);

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
