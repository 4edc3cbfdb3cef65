import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import { DEADLINE_MS } from '@pgstow/testing/deadline.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoEngine } from './engine.ts';
import { containerOf, openStack, type Stack } from './stack.ts';

const IMAGE = 'pgvector/pgvector:pg17';
/** Another image of Node to build on, where the usual one's packages offer no PostgreSQL 17. */
const nodeImage = process.env['PGSTOW_TEST_NODE_IMAGE'];

const why = whyNoEngine() ?? (hasImage() ? undefined : `there is no image ${IMAGE} (docker pull ${IMAGE})`);
if (why !== undefined) console.warn(`skipped: the user's own image for scratch servers, because ${why}`);

// Each test goes on where the one before it stopped.
describe.skipIf(why !== undefined)(`docker-compose with SCRATCH_IMAGE=${IMAGE}`, () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await openStack({ SCRATCH_IMAGE: IMAGE, BACKUP_INTERVAL: '86400', VERIFY_SCHEDULE: 'off' });
    await writeFile(
      join(stack.checkout, 'docker-compose.override.yml'),
      `services:\n  demo-postgres:\n    image: ${IMAGE}\n`,
    );
    const build = nodeImage === undefined ? ['build'] : ['build', '--build-arg', `NODE_IMAGE=${nodeImage}`];
    await stack.compose(['--profile', 'cli', ...build]);
  }, 10 * DEADLINE_MS);
  afterAll(() => stack[Symbol.asyncDispose]());

  test('has the server and the extensions of that image, and the host that we bring', async () => {
    const look =
      'command -v node; command -v setpriv; ls /usr/lib/postgresql; ls /usr/share/postgresql/17/extension/vector.control';
    const run = ['run', '--rm', '--no-deps', '-T', '--entrypoint', 'sh', 'scratch-host', '-c', look];
    const { stdout } = await stack.compose(run);
    expect(stdout.split('\n')).toEqual([
      '/opt/pgstow/bin/node',
      '/opt/pgstow/bin/setpriv',
      '17',
      '/usr/share/postgresql/17/extension/vector.control',
    ]);
  });

  test('tests and restores a database with vectors, which no server of ours could', async ({ skip }) => {
    const clients = ['run', '--rm', '--no-deps', '-T', '--entrypoint', 'ls', 'dump-worker', '/usr/lib/postgresql'];
    const { stdout: majors } = await stack.compose(clients);
    skip(!majors.split('\n').includes('17'), `the packages offer no PostgreSQL 17, only ${majors}`);

    await stack.compose(['up', '--detach']);
    await stack.allHealthy();
    const postgres = await containerOf('demo-postgres');
    const psql = (database: string, sql: string) =>
      execa('docker', [
        'exec',
        postgres,
        'psql',
        '-XAtq',
        '-v',
        'ON_ERROR_STOP=1',
        '-U',
        'mordor',
        '-d',
        database,
        '-c',
        sql,
      ]);
    await psql(
      'mordor',
      `create extension vector;
       create table item (id int primary key, v vector(3), h halfvec(3));
       insert into item select i, format('[%s,1,2]', i)::vector, format('[%s,1,2]', i)::halfvec from generate_series(1, 200) i;
       create index on item using hnsw (v vector_l2_ops);
       create index on item using hnsw (h halfvec_cosine_ops)`,
    );
    expect(await stack.cli('dump', '--wait')).toMatchObject({ exitCode: 0 });
    expect(await stack.cli('verify', '--wait')).toMatchObject({ exitCode: 0, all: expect.stringContaining('GOOD') });
    const [record] = await stack.files('.s3.restore-test.json');
    const tested = restoreTestSchema.parse(JSON.parse(await readFile(join(stack.backups, record!), 'utf8')));
    expect(tested).toMatchObject({ result: 'good', differences: [], notes: [] });
    expect(tested.serverVersion).toMatch(/^17\./);

    const restored = await stack.cli('restore', 'mordor', '--to', 'again', '--create');
    expect(restored).toMatchObject({ exitCode: 0, all: expect.stringContaining('equal to its manifest') });
    const count = "select count(*), sum(v <-> '[1,2,3]') from item";
    expect((await psql('again', count)).stdout).toBe((await psql('mordor', count)).stdout);
  });
});

function hasImage(): boolean {
  return spawnSync('docker', ['image', 'inspect', IMAGE]).status === 0;
}
