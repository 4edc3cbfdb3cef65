import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestSchema } from '@pgstow/shared/contract/manifest.ts';
import { restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import { DEADLINE_MS } from '@pgstow/testing/deadline.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoEngine } from './engine.ts';
import { APPS, containerOf, openStack, PROJECT, SERVICES, type Stack } from './stack.ts';

const INTERVAL_SECONDS = 40;
const GRACE_SECONDS = 5;

const why = whyNoEngine();
if (why !== undefined) console.warn(`skipped: the stack cannot be tried, because ${why}`);

// The life of one stack, from its build to its end. Each test goes on where the one before it stopped.
describe.skipIf(why !== undefined)('docker-compose --profile demo', () => {
  let stack: Stack;
  const confirmed = () => stack.files('.s3.receipt.json');
  const manifestOf = async (receipt: string) => {
    const file = receipt.replace('.s3.receipt.json', '.manifest.json');
    return manifestSchema.parse(JSON.parse(await readFile(join(stack.backups, file), 'utf8')));
  };
  /** An ad-hoc dump through the command line, followed to the store's confirmation. */
  const dumpThroughCli = async () => {
    expect(await stack.cli('dump', '--wait')).toMatchObject({
      exitCode: 0,
      all: expect.stringMatching(/backup_mordor_\d{8}_\d{6}\.sql\.gz, .*, confirmed by s3/),
    });
  };

  /** Files in the folders of restore tests. */
  const scratchFiles = async () => {
    const find = ['sh', '-c', 'find /scratch /scratch-host -mindepth 1 ! -name host.sock 2>/dev/null; echo looked'];
    const { stdout } = await stack.compose(['exec', '-T', 'verify-worker', ...find], false);
    // The worker may be down.
    if (!stdout.endsWith('looked')) throw new Error(`wanted the files of restore tests, got ${stdout}`);
    return stdout.slice(0, -'looked'.length);
  };

  beforeAll(async () => {
    stack = await openStack({
      BACKUP_INTERVAL: String(INTERVAL_SECONDS),
      BACKUP_KEEP_LAST: '100',
      SHUTDOWN_GRACE: String(GRACE_SECONDS),
      PGSTOW_STOP_GRACE: String(DEADLINE_MS / 1000),
    });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test('builds every image', { timeout: 10 * DEADLINE_MS }, async () => {
    await stack.compose(['--profile', 'cli', 'build']);
    const { stdout } = await execa('docker', ['images', '--format', '{{.Repository}} {{.Size}}', `${PROJECT}*`]);
    const node = await execa('docker', ['images', '--format', '{{.Size}}', 'node:24-bookworm-slim']);
    console.log(`${stdout}\nof which ${node.stdout} are Node's image`);
    expect(stdout.split('\n').length).toBeGreaterThanOrEqual(6);
  });

  test.each(['scheduler', 'dump-worker', 'upload-worker', 'verify-worker', 'scratch-host', 'cli'])(
    'has an image of %s with no other app, no test and no compiler in it, and root in none but the scratch host',
    async (service) => {
      const look =
        'ls /app/apps; id -u; command -v gcc cc make tsc; find /app "(" -name "*.test.*" -o -name "typescript*" -o -name "vitest*" ")"';
      const run = ['--profile', 'cli', 'run', '--rm', '--no-deps', '-T', '--entrypoint', 'sh', service, '-c', look];
      const { stdout } = await stack.compose(run);
      expect(stdout.split('\n')).toEqual([service, service === 'scratch-host' ? '0' : '1000']);
    },
  );

  test('comes up, and everything in it becomes healthy', async () => {
    await stack.compose(['up', '--detach']);
    await stack.allHealthy();
  });

  test('takes the first scheduled dump, and the store confirms it', async () => {
    const [receipt] = await eventually(async () => {
      const receipts = await confirmed();
      return receipts.length > 0 && receipts;
    });
    const { name, bytes } = await manifestOf(receipt!);
    const [first] = await stack.jobs('dump', 'completed');
    expect(first?.name).toBe('scheduled');
    const look = `fetch('http://127.0.0.1:9000/pgstow-demo/${name}', { method: 'HEAD' }).then((a) => console.log(a.status, a.headers.get('content-length')))`;
    const { stdout } = await stack.compose(['exec', '-T', 'demo-s3', 'node', '-e', look]);
    expect(stdout).toBe(`200 ${bytes}`);
  });

  test('takes an ad-hoc dump that the command line asks for', async () => {
    await dumpThroughCli();
  });

  test('restores what the store holds into a server of its own, without a word of difference', async () => {
    const records = await eventually(async () => {
      const files = await stack.files('.s3.restore-test.json');
      expect(files.length).toBeGreaterThan(0);
      return Object.values(await readAll(stack, files)).map((text) => restoreTestSchema.parse(JSON.parse(text)));
    });
    for (const record of records) {
      expect(record).toMatchObject({ result: 'good', differences: [], notes: [] });
    }
    expect(await stack.cli('verify', '--wait')).toMatchObject({ exitCode: 0, all: expect.stringContaining('GOOD') });
    await eventually(async () => expect(await scratchFiles()).toBe(''));
  });

  test.each(['verify-worker', 'scratch-host'])(
    'leaves nothing of a restore test when %s crashes, and runs it again',
    async (service) => {
      // A check constraint in the dump holds its restore as long as a file is there.
      await psql(
        stack,
        'mordor',
        `create or replace function ledger.held(i int) returns boolean language plpgsql as $$
         begin
           while session_user = 'pgstow_scratch' and (pg_stat_file('/scratch-host/hold', true)).size is not null loop
             perform pg_sleep(0.1);
           end loop;
           return true;
         end $$;
         drop table if exists ledger.lure;
         create table ledger.lure (i int check (ledger.held(i)));
         insert into ledger.lure values (1)`,
      );
      await execa('docker', ['exec', await containerOf('scratch-host'), 'touch', '/scratch-host/hold']);
      await dumpThroughCli();
      await stack.cli('verify');
      const [held] = await eventually(async () => {
        expect(await scratchFiles()).toContain('/server-');
        const jobs = await stack.jobs('verify', 'active');
        return jobs.length > 0 && jobs;
      });
      process.kill((await stack.inspect(service)).Pid, 'SIGKILL');
      await eventually(async () =>
        execa('docker', ['exec', await containerOf('scratch-host'), 'rm', '-f', '/scratch-host/hold']),
      );
      await eventually(async () => {
        const jobs = await stack.jobs('verify', 'completed');
        expect(jobs.map(({ id }) => id)).toContain(held!.id);
      });
      await psql(stack, 'mordor', 'drop table ledger.lure; drop function ledger.held(int)');
      await eventually(async () => expect(await scratchFiles()).toBe(''));
    },
  );

  test('keeps what a dump runs from the network, the backups, the secrets and the next dump', async () => {
    // The check leaves a process behind that would outlive the server.
    const look = [
      'echo "user $(id -un)"',
      'echo "folders $(ls -A /backups; ls -d /scratch 2>/dev/null)"',
      'echo "interfaces $(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " ")"',
      'echo "of the host $(cat /proc/1/environ 2>&1)"',
      'echo "environment $(env | cut -d= -f1 | grep -c -e AWS -e REDIS -e NOTIFY)"',
      'setsid sleep 1234 >/dev/null 2>&1 </dev/null & true',
    ].join('; ');
    // A check constraint runs as the user that restores, here a superuser. It reports what it finds by failing.
    await psql(
      stack,
      'mordor',
      `create or replace function ledger.pry(i int) returns boolean language plpgsql as $$
       declare found text;
       begin
         if session_user <> 'pgstow_scratch' then return true; end if;
         create temp table told (line text);
         copy told from program '${look.replaceAll("'", "''")}';
         select string_agg(line, '; ') into found from told;
         raise exception 'PRIED: %', found;
       end $$;
       drop table if exists ledger.lure;
       create table ledger.lure (i int check (ledger.pry(i)));
       insert into ledger.lure values (1)`,
    );
    await dumpThroughCli();
    const { exitCode, all } = await stack.cli('verify', '--wait');
    expect({ exitCode, pried: /PRIED: (.*) \(P0001\)/.exec(all)?.[1] }).toEqual({
      exitCode: 4,
      pried:
        'user pgstow-scratch; folders ; interfaces lo; of the host cat: /proc/1/environ: Permission denied; environment 0',
    });
    const { stdout } = await execa('docker', ['top', await containerOf('scratch-host')]);
    expect(stdout).toContain('apps/scratch-host/src/main.ts');
    expect(stdout).not.toContain('sleep 1234');

    // The bad test is lifted by a good one.
    await psql(stack, 'mordor', 'drop table ledger.lure; drop function ledger.pry(int)');
    await dumpThroughCli();
    expect(await stack.cli('verify', '--wait')).toMatchObject({ exitCode: 0, all: expect.stringContaining('GOOD') });
  });

  test('bounds the memory of what a dump runs, and goes on', async () => {
    await psql(
      stack,
      'mordor',
      `create or replace function ledger.eat(i int) returns boolean language plpgsql as $$
       begin
         return session_user <> 'pgstow_scratch' or length(repeat(chr(64 + i), 1000000000) || repeat(chr(65 + i), 70000000)) > 0;
       end $$;
       drop table if exists ledger.lure;
       create table ledger.lure (i int check (ledger.eat(i)));
       insert into ledger.lure values (1)`,
    );
    await dumpThroughCli();
    const { StartedAt } = await stack.inspect('scratch-host');
    await stack.cli('verify');
    const [waiting] = await eventually(async () => {
      const jobs = (await stack.jobs('verify', 'delayed')).filter(({ failedReason }) => failedReason);
      return jobs.length > 0 && jobs;
    });
    expect(waiting?.failedReason).toMatch(/COULD NOT TELL .* was terminated by signal 9/s);
    expect((await stack.inspect('scratch-host')).StartedAt).toBe(StartedAt);
    // Otherwise it is tried again and again beside the later tests.
    await stack.askBoard(`queues/verify/${waiting?.id}/clean`, { method: 'PUT' });
    await psql(stack, 'mordor', 'drop table ledger.lure; drop function ledger.eat(int)');
    await dumpThroughCli();
    expect(await stack.cli('verify', '--wait')).toMatchObject({ exitCode: 0, all: expect.stringContaining('GOOD') });
  });

  test('lists backups and restores one through the command line', async () => {
    const listed = await stack.cli('list', '--json');
    expect(listed).toMatchObject({ exitCode: 0, all: expect.stringContaining('backup_mordor_') });
    const restored = await stack.cli('restore', 'mordor', '--to', 'restored_by_cli', '--create');
    expect(restored).toMatchObject({ exitCode: 0 });
    const count = 'select count(*) from ledger.transaction';
    expect(await psql(stack, 'restored_by_cli', count)).toBe(await psql(stack, 'mordor', count));
  });

  test('shows a board to whoever knows the password, and to nobody else', async () => {
    expect((await stack.askBoard('queues')).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${stack.port}/queues`)).status).toBe(401);
    const { stdout } = await execa('docker', ['port', await containerOf('scheduler')]);
    expect(stdout).toBe(`3000/tcp -> 127.0.0.1:${stack.port}`);
  });

  test('keeps an upload that failed while the store was away, and the board retries it', async () => {
    await stack.compose(['stop', 'demo-s3']);
    await stack.cli('dump');
    const [failed] = await eventually(async () => {
      const jobs = await stack.jobs('upload', 'failed');
      return jobs.length > 0 && jobs;
    });
    await stack.compose(['start', 'demo-s3']);
    await stack.allHealthy();
    const retried = await stack.askBoard(`queues/upload/${failed!.id}/retry`, { method: 'PUT' });
    expect(retried.status).toBeLessThan(300);
    await eventually(async () => {
      const done = await stack.jobs('upload', 'completed');
      return done.some(({ id }) => id === failed!.id);
    });
  });

  test.each(SERVICES)('goes on after a crash of %s', async (service) => {
    const before = await stack.inspect(service);
    process.kill(before.Pid, 'SIGKILL');
    await eventually(async () => {
      const { Running, StartedAt } = await stack.inspect(service);
      return Running && StartedAt !== before.StartedAt;
    });
    await dumpThroughCli();
    expect((await stack.askBoard('queues')).status).toBe(200);
  });

  test('stops in the middle of a dump, each process with exit code 0, and leaves no half file', async () => {
    const lock = 'begin; lock table ledger.account in access exclusive mode; select pg_sleep(600);';
    const locking = stack.compose(['exec', '-T', 'demo-postgres', 'psql', '-U', 'mordor', '-c', lock], false);
    const held =
      "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and relation::regclass::text = 'ledger.account'";
    await eventually(async () => (await psql(stack, 'mordor', held)) === '1');
    await stack.cli('dump');
    await eventually(async () => (await stack.files('.partial')).length > 0);

    // The database and its lock stay, so the dump cannot end by itself.
    await stack.compose(['stop', ...APPS, 'redis']);
    for (const service of [...APPS, 'redis']) {
      const { ExitCode } = await stack.inspect(service);
      expect({ service, ExitCode }).toEqual({ service, ExitCode: 0 });
    }
    expect(await stack.files('.partial')).toEqual([]);
    await stack.compose(['stop']);
    await locking;
  });

  test('catches up once on the run that was missed while it was down', async () => {
    const lastTaken = Date.parse((await manifestOf((await confirmed()).at(-1)!)).takenAt);
    // The stack is down for longer than the interval.
    const missedAt = Math.max(lastTaken, Date.now()) + INTERVAL_SECONDS * 1000;
    await eventually(() => Date.now() > missedAt, { everyMs: 1000 });
    const startedAt = Date.now();
    await stack.compose(['up', '--detach']);
    await stack.allHealthy();
    const missed = await eventually(async () => {
      const done = await stack.jobs('dump', 'completed');
      const late = done.filter(({ name, timestamp, delay, finishedOn }) => {
        return name === 'scheduled' && timestamp + delay < startedAt && (finishedOn ?? 0) > startedAt;
      });
      return late.length > 0 && late;
    });
    // A dump that the earlier stop cut off is overdue too; the same dump serves both.
    expect(new Set(missed.map(({ returnValue }) => returnValue?.name)).size).toBe(1);
    await eventually(async () => (await stack.files('.sql.gz')).length === (await confirmed()).length);
  });

  test('loses nothing with the volume of Redis', async () => {
    const names = await stack.files('.sql.gz');
    const receipts = await readAll(stack, await confirmed());
    await stack.compose(['stop', ...APPS]);
    await stack.compose(['rm', '--stop', '--force', 'redis']);
    await execa('docker', ['volume', 'rm', `${PROJECT}_redis`]);
    await stack.compose(['up', '--detach']);
    await stack.allHealthy();
    await dumpThroughCli();
    expect(await stack.files('.sql.gz')).toEqual(expect.arrayContaining(names));
    // Nothing was uploaded again: the receipts are the same.
    expect(await readAll(stack, await confirmed())).toMatchObject(receipts);
  });

  test('has dumps that gunzip and psql restore', async () => {
    const { name, tables } = await manifestOf((await confirmed()).at(-1)!);
    await psql(stack, 'postgres', 'create database restored');
    const restore = `gunzip -c "$0" | docker exec -i "$1" psql -q -U mordor -v ON_ERROR_STOP=1 restored`;
    await execa('bash', [
      '-o',
      'pipefail',
      '-c',
      restore,
      join(stack.backups, name),
      await containerOf('demo-postgres'),
    ]);
    expect(Object.keys(tables ?? {})).toContain('ledger.transaction');
    const restored: Record<string, number> = {};
    for (const table of Object.keys(tables ?? {})) {
      restored[table] = Number(await psql(stack, 'restored', `select count(*) from ${table}`));
    }
    expect(restored).toEqual(tables);
  });

  test('is gone, with its volumes, once it is taken down', async () => {
    await stack.down();
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${PROJECT}`];
    expect((await execa('docker', ['ps', '--all', ...filter])).stdout).toBe('');
    expect((await execa('docker', ['volume', 'ls', ...filter])).stdout).toBe('');
    expect((await stack.files('.sql.gz')).length).toBeGreaterThan(0);
  });
});

async function psql(stack: Stack, database: string, sql: string): Promise<string> {
  const args = ['psql', '-X', '-A', '-t', '-U', 'mordor', '-d', database, '-c', sql];
  return (await stack.compose(['exec', '-T', 'demo-postgres', ...args])).stdout;
}

async function readAll(stack: Stack, names: readonly string[]): Promise<Record<string, string>> {
  const contents = names.map(async (name) => [name, await readFile(join(stack.backups, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(contents));
}
