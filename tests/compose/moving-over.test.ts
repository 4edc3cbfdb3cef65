import { chown, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DEADLINE_MS } from '@pgstow/testing/deadline.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoEngine } from './engine.ts';
import { openStack, PROJECT, type Stack } from './stack.ts';

const DATABASE = `${PROJECT}-elsewhere`;
const NETWORK = `${PROJECT}-elsewhere_database`;
const PASSWORD = 'canary-mordor-password';
/** The folder's owner, as whom the containers run; no image knows this user. */
const OWNER = 1234;

async function removeDatabase(): Promise<void> {
  await execa('docker', ['rm', '-fv', DATABASE], { reject: false });
  await execa('docker', ['network', 'rm', NETWORK], { reject: false });
}

// The service that pgstow replaces: its stack.env, its folder full of dumps, and a database in another project's network.
describe.skipIf(whyNoEngine() !== undefined)('moving over from the first version', () => {
  let stack: Stack;
  const cleanup = new AsyncDisposableStack();

  beforeAll(async () => {
    stack = cleanup.use(await openStack());
    await stack.compose(['build']);
    // Left by a run that was killed.
    await removeDatabase();
    cleanup.defer(removeDatabase);
    await execa('docker', ['network', 'create', NETWORK]);
    const env = { POSTGRES_USER: 'sauron', POSTGRES_PASSWORD: PASSWORD, POSTGRES_DB: 'mordor' };
    const options = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    await execa('docker', [
      'run',
      '--detach',
      '--name',
      DATABASE,
      '--network',
      NETWORK,
      ...options,
      'postgres:15-bookworm',
    ]);
    await eventually(() => execa('docker', ['exec', DATABASE, 'pg_isready', '--host=127.0.0.1']));
  }, 10 * DEADLINE_MS);
  afterAll(async () => {
    // The stack leaves the network before it can be removed.
    await stack.down();
    await cleanup.disposeAsync();
  });

  test('adopts its dumps, uploads them, keeps four, and goes on dumping', async () => {
    const { stdout: sql } = await execa('docker', ['exec', DATABASE, 'pg_dump', '-U', 'sauron', 'mordor'], {
      stripFinalNewline: false,
    });
    const old = ['1018', '1025', '1101', '1108', '1115'].map((day) => `backup_mordor_2026${day}_030000.sql.gz`);
    for (const name of old) {
      await writeFile(join(stack.backups, name), gzipSync(sql));
      await chown(join(stack.backups, name), OWNER, OWNER);
    }
    await chown(stack.backups, OWNER, OWNER);
    await writeFile(
      join(stack.checkout, 'stack.env'),
      [
        `POSTGRES_HOST=${DATABASE}`,
        'POSTGRES_USER=sauron',
        `POSTGRES_PASSWORD=${PASSWORD}`,
        'POSTGRES_DB=mordor',
        'AWS_ACCESS_KEY_ID=any-key-will-do',
        'AWS_SECRET_ACCESS_KEY=any-secret-will-do',
        'AWS_DEFAULT_REGION=eu-central-1',
        'S3_BUCKET=pgstow-demo',
        'BACKUP_INTERVAL=604800',
        // Settings of its compose file, and the store of this test.
        `PGSTOW_FOLDER=${stack.backups}`,
        `PGSTOW_NETWORK=${NETWORK}`,
        'PGSTOW_NETWORK_EXTERNAL=true',
        `PGSTOW_UID=${OWNER}`,
        `PGSTOW_GID=${OWNER}`,
        `BOARD_PORT=${stack.port}`,
        'S3_ENDPOINT=http://demo-s3:9000',
        '',
      ].join('\n'),
    );
    await stack.plainCompose(['--profile', 'demo', 'up', '--detach', 'demo-s3']);
    await stack.plainCompose(['up', '--detach']);

    // The dump that was due at once is there, and every dump that is left is confirmed. Unconfirmed dumps are not pruned, so only
    // another dump shows that pruning is done.
    await eventually(
      async () => {
        const names = await stack.files('.sql.gz');
        expect(names.filter((name) => !old.includes(name))).toHaveLength(1);
        expect(await stack.files('.s3.receipt.json')).toEqual(names.map((name) => `${name}.s3.receipt.json`));
      },
      { everyMs: 500 },
    );
    await stack.plainCompose(['run', '--rm', 'cli', 'dump', '--wait']);
    const left = await eventually(async () => {
      const names = await stack.files('.sql.gz');
      expect(names).toHaveLength(4);
      return names;
    });
    expect(left.slice(0, 2)).toEqual(old.slice(-2));
    const newest = await stat(join(stack.backups, left[3]!));
    expect(newest).toMatchObject({ uid: OWNER, gid: OWNER });
    expect(newest.mode & 0o777).toBe(0o600);
    // PostgreSQL runs even as a user without a name.
    const record = await eventually(() => readFile(join(stack.backups, `${left[3]}.s3.restore-test.json`), 'utf8'), {
      everyMs: 500,
    });
    expect(JSON.parse(record)).toMatchObject({ result: 'good' });
    const look = `fetch('http://127.0.0.1:9000/pgstow-demo?list-type=2').then((a) => a.text()).then(console.log)`;
    const { stdout: listing } = await stack.plainCompose(['exec', '-T', 'demo-s3', 'node', '-e', look]);
    for (const name of [...old, ...left]) expect(listing).toContain(`<Key>${name}</Key>`);
  });
});
