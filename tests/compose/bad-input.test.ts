import { once } from 'node:events';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DEADLINE_MS } from '@pgstow/testing/deadline.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { whyNoEngine } from './engine.ts';
import { APPS, containerOf, openStack, type Stack } from './stack.ts';

const GOOD = {
  POSTGRES_HOST: 'demo-postgres',
  POSTGRES_USER: 'mordor',
  POSTGRES_PASSWORD: "'pgstow-demo'",
  POSTGRES_DB: 'mordor',
  BACKUP_INTERVAL: '3600',
};

// Each fault is reported once and clearly: by docker-compose itself, or in the log of the container that cannot start.
describe.skipIf(whyNoEngine() !== undefined)('docker-compose with what is wrong', () => {
  let stack: Stack;
  const write = (settings: Readonly<Record<string, string>>, lineEnd = '\n') => {
    const all = { BOARD_PORT: String(stack.port), PGSTOW_FOLDER: stack.backups, ...settings };
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    return writeFile(join(stack.checkout, 'stack.env'), [...lines, ''].join(lineEnd));
  };
  const up = () => stack.plainCompose(['up', '--detach'], false);
  /** Waits for a line in the log of a service's container. */
  const says = async (service: string, wanted: RegExp) => {
    const id = await containerOf(service);
    await eventually(async () => {
      const { all } = await execa('docker', ['logs', id], { all: true });
      expect(all).toMatch(wanted);
    });
  };

  beforeAll(async () => {
    stack = await openStack();
    await stack.compose(['build']);
  }, 10 * DEADLINE_MS);
  afterEach(async () => {
    await stack.down();
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test('without stack.env names it, and starts nothing', async () => {
    const { failed, all } = await up();
    expect({ failed, all }).toMatchObject({ failed: true, all: expect.stringMatching(/env file.*stack\.env/) });
  });

  test('with an empty stack.env names each variable that is missing', async () => {
    await writeFile(join(stack.checkout, 'stack.env'), `BOARD_PORT=${stack.port}\n`);
    await up();
    for (const service of ['scheduler', 'dump-worker']) {
      await says(service, /the configuration has 3 faults:/);
      for (const name of ['POSTGRES_HOST', 'POSTGRES_USER', 'POSTGRES_DB'])
        await says(service, new RegExp(`  - ${name}: is required and not set`));
    }
    await says('upload-worker', /no S3_BUCKET: local backups only/);
  });

  test('with a bad number says what was expected and what came', async () => {
    await write({ ...GOOD, BACKUP_INTERVAL: 'weekly' });
    await up();
    await says('scheduler', /BACKUP_INTERVAL: expected .*, got "weekly"/);
  });

  test('with the line ends of Windows works all the same', async () => {
    await write({ ...GOOD, BOARD_PASSWORD: "'pgstow-demo'" }, '\r\n');
    expect(await up()).toMatchObject({ exitCode: 0 });
    for (const service of APPS) await says(service, /"msg":"ready"/);
    expect((await stack.askBoard('queues')).status).toBe(200);
  });

  test.each([
    ['in single quotes', String.raw`p$HOME $$ "x" #1 \n ü&<`, (password: string) => `'${password}'`],
    ['in double quotes', `it's "x" #1 ü&<`, (password: string) => `"${password.replaceAll('"', String.raw`\"`)}"`],
  ])('with a password of all that is special to somebody, %s, passes it on as it is', async (_how, password, quote) => {
    await write({ ...GOOD, POSTGRES_PASSWORD: quote(password) });
    await up();
    const { stdout } = await execa('docker', [
      'exec',
      await containerOf('dump-worker'),
      'printenv',
      'POSTGRES_PASSWORD',
    ]);
    expect(stdout).toBe(password);
    await says('dump-worker', /"msg":"ready"/);
  });

  test('with a quote that ends too early names the line', async () => {
    await write({ ...GOOD, POSTGRES_PASSWORD: "'it's #1'" });
    // Compose v1 goes on without the line; v2 does not.
    expect((await up()).all).toMatch(/(?:could not parse statement starting at|stack\.env|\.env:) ?line \d/);
  });

  test('with a backup folder of somebody else names the command that mends it', async () => {
    await chown(stack.backups, 0, 0);
    await write(GOOD);
    await up();
    for (const service of ['dump-worker', 'upload-worker', 'verify-worker']) {
      await says(
        service,
        new RegExp(`cannot write to /backups as user 1000:1000.*chown -R 1000:1000 '${stack.backups}'`),
      );
    }
    await chown(stack.backups, 1000, 1000);
    for (const service of ['dump-worker', 'upload-worker', 'verify-worker']) await says(service, /"msg":"ready"/);
  });

  test('with a backup folder that is not there names it, and the command that mends it', async () => {
    const missing = join(stack.backups, 'missing');
    await write({ ...GOOD, PGSTOW_FOLDER: missing });
    // Docker makes the folder, as root.
    await up();
    await says('dump-worker', new RegExp(`chown -R 1000:1000 '${missing}'`));
  });

  test('with an external network that does not exist names it', async () => {
    await write({ ...GOOD, PGSTOW_NETWORK: 'pgstow-smoke-nowhere', PGSTOW_NETWORK_EXTERNAL: 'true' });
    const { failed, all } = await up();
    expect({ failed, all }).toMatchObject({ failed: true, all: expect.stringMatching(/pgstow-smoke-nowhere/) });
  });

  test('with a port that is taken says so', async () => {
    const server = createServer().listen(stack.port, '127.0.0.1');
    await once(server, 'listening');
    try {
      await write(GOOD);
      const { failed, all } = await up();
      expect({ failed, all }).toMatchObject({
        failed: true,
        all: expect.stringMatching(new RegExp(`${stack.port}.*address already in use`, 's')),
      });
    } finally {
      server.close();
    }
  });

  test('with secrets in files, as docs/operations.md shows, keeps every password out of `docker inspect`', async () => {
    const page = await readFile(join(stack.checkout, 'docs/operations.md'), 'utf8');
    const [, override] = /```yaml\n(# docker-compose\.override\.yml\n.*?)```/s.exec(page) ?? [];
    await writeFile(join(stack.checkout, 'docker-compose.override.yml'), override ?? '');
    const folder = join(stack.checkout, 'secrets');
    await mkdir(folder);
    const secrets = {
      board_password: 'canary-board-password',
      postgres_password: 'canary-postgres-password',
      aws_secret_access_key: 'canary-aws-secret',
    };
    for (const [name, secret] of Object.entries(secrets)) {
      await writeFile(join(folder, name), `${secret}\n`, { mode: 0o400 });
      await chown(join(folder, name), 1000, 1000);
    }
    const { POSTGRES_PASSWORD: _, ...rest } = GOOD;
    await write({ ...rest, S3_BUCKET: 'somewhere', S3_ENDPOINT: 'http://127.0.0.1:1', AWS_ACCESS_KEY_ID: 'key' });
    await up();
    for (const service of APPS) {
      await says(service, /"msg":"ready"/);
      const { stdout } = await execa('docker', ['inspect', await containerOf(service)]);
      expect(stdout).not.toContain('canary');
    }
    const opened = await fetch(`http://127.0.0.1:${stack.port}/queues/api/queues`, {
      headers: { authorization: `Basic ${Buffer.from('admin:canary-board-password').toString('base64')}` },
    });
    expect(opened.status).toBe(200);
  });
});
