import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import {
  canMountTmpfs,
  hasCommand,
  hasExtension,
  hasPostgres,
  hasRedis,
} from '@pgstow/testing/machine/capabilities.ts';
import { smallDisk } from '@pgstow/testing/machine/small-disk.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose, PREFIX, setDoctorStage, type DoctorStage } from '../stage/doctor-stage.ts';
import { CLI, runCli } from '../stage/processes/run-cli.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { makeDump } from '../stage/upload-stage.ts';

const asOtherUser = findOtherUser();

describe.skipIf(!hasRedis() || !hasPostgres())('pgstow doctor', () => {
  let stage: DoctorStage;
  const doctor = (env: Readonly<Record<string, string>> = {}, prefix: readonly string[] = []) =>
    diagnose({ ...stage.env, ...env }, prefix);

  beforeAll(async () => {
    stage = await setDoctorStage();
    const { postgres } = stage;
    await postgres.createDatabase('rights');
    await postgres.psql(
      'rights',
      `create table open (a int); create table secret (a int); create sequence hidden;
       create role clerk login password 'canary-clerk'; grant select on open to clerk;
       create role reader login password 'canary-reader'; grant pg_read_all_data to reader;
       create table guarded (a int); alter table guarded enable row level security;
       grant select on guarded to clerk; alter role clerk bypassrls;
       create schema closed; create table closed.t (a int);
       create role single login password 'canary-single' connection limit 1;
       select lo_create(4711);`,
    );
  });
  afterAll(() => stage?.[Symbol.asyncDispose]());

  it('finds no fault if all is well, and exits 0', async () => {
    const { code, faults, findings, stderr } = await doctor();
    expect({ code, faults, stderr }).toEqual({ code: 0, faults: [], stderr: '' });
    const well = findings.filter(({ status }) => status === 'ok').map(({ check }) => check);
    expect(new Set(well)).toEqual(
      new Set([
        'configuration.values',
        ...['server', 'clock', 'clients', 'database', 'connections', 'rights', 'dump', 'identity'].map(
          (n) => `postgres.${n}`,
        ),
        ...well.filter((check) => check === 'postgres.psql'),
        ...['writable', 'private', 'contents', 'room'].map((n) => `folder.${n}`),
        ...['words', 'next', 'missed'].map((n) => `schedule.${n}`),
        ...['words', 'today'].map((n) => `retention.${n}`),
        ...'put look read confirm conditional list open-uploads multipart delete clock'
          .split(' ')
          .map((n) => `s3.${n}`),
        ...['server', 'eviction', 'persistence', 'memory'].map((n) => `redis.${n}`),
        ...['workers', 'failed', 'plan'].map((n) => `queues.${n}`),
        ...['scratch', 'server', 'room', 'words', 'result'].map((n) => `restore.${n}`),
        'board.password',
      ]),
    );
    const documented = await readFile(new URL('../../../docs/command-line.md', import.meta.url), 'utf8');
    for (const { check } of findings) expect(documented).toContain(`\`${check}\``);
    // It leaves nothing behind.
    expect((await stage.s3.listObjects(BUCKET, `${PREFIX}pgstow-doctor`)).length).toBe(0);
    expect(await stage.s3.listMultipartUploads(BUCKET)).toEqual([]);
    expect((await readdir(stage.folder)).filter((name) => name.includes('doctor'))).toEqual([]);
  });

  it('is readable on 80 columns, in groups, with the schedule in words', async () => {
    const { code, stdout } = await runCli(['doctor'], stage.env);
    expect(code).toBe(0);
    for (const title of ['Configuration', 'PostgreSQL', 'Backup folder', 'Schedule', 'S3', 'Redis', 'Board'])
      expect(stdout).toMatch(new RegExp(`^${title}$`, 'm'));
    expect(stdout).toContain('ok      dumps are made at 03:00 (0 3 * * *, Europe/Berlin)');
    expect(stdout).toMatch(/^0 faults, \d+ warnings?, \d+ well, 0 skipped$/m);
    // oxlint-disable-next-line no-control-regex -- no terminal, no colours
    expect(stdout).not.toMatch(/\u001b/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  describe('names by itself', () => {
    it.each([
      {
        fault: 'a bad cron pattern',
        env: { BACKUP_CRON: '61 3 * * *' },
        check: 'configuration.values',
        says: /BACKUP_CRON: expected a cron pattern/,
        hint: /configuration\.md/,
      },
      {
        fault: 'a board without a password',
        env: { BOARD_HOST: '0.0.0.0', BOARD_PASSWORD: '' },
        check: 'configuration.values',
        says: /BOARD_PASSWORD: is required/,
        hint: /configuration\.md/,
      },
      {
        fault: 'a wrong password',
        env: { POSTGRES_PASSWORD: 'canary-wrong' },
        check: 'postgres.server',
        says: /password authentication failed/,
        hint: /Check POSTGRES_USER and POSTGRES_PASSWORD/,
      },
      {
        fault: 'a server that is not there',
        env: { POSTGRES_PORT: '9' },
        check: 'postgres.server',
        says: /Connection refused/,
        hint: /POSTGRES_HOST and POSTGRES_PORT/,
      },
      {
        fault: 'a bucket that is not there',
        env: { S3_BUCKET: 'nowhere' },
        check: 's3.put',
        says: /nowhere/,
        hint: /Create the bucket nowhere/,
      },
      {
        fault: 'a store that is not there',
        env: { S3_ENDPOINT: 'http://127.0.0.1:9' },
        check: 's3.put',
        says: /ECONNREFUSED/,
        hint: /Check S3_ENDPOINT/,
      },
      {
        fault: 'a Redis that is not there',
        env: { REDIS_URL: 'redis://:canary-redis@127.0.0.1:9' },
        check: 'redis.server',
        says: /redis at 127\.0\.0\.1:9 does not answer/,
        hint: /Start Redis or set REDIS_URL/,
      },
      {
        fault: 'a folder that does not exist',
        env: { BACKUP_DIR: '/nowhere/backups' },
        check: 'folder.writable',
        says: /\/nowhere\/backups does not exist/,
        hint: /Create it, or set BACKUP_DIR/,
      },
    ])('$fault', async ({ env, check, says, hint }) => {
      const { code, faults, finding, stderr } = await doctor(env);
      const others = faults.filter((name) => !(check === 'folder.writable' && name === 'folder.contents'));
      expect({ code, others }).toEqual({ code: 1, others: [check] });
      expect(finding(check)).toMatchObject({ message: expect.stringMatching(says), hint: expect.stringMatching(hint) });
      expect(stderr).toContain(`pgstow: found faults: ${check}`);
    });

    it('a missing database among those that are there', async () => {
      const { code, findings } = await doctor({ POSTGRES_DB: 'shop,nowhere' });
      expect(code).toBe(1);
      expect(findings.filter(({ check }) => check === 'postgres.database')).toEqual([
        expect.objectContaining({ subject: 'shop', status: 'ok' }),
        expect.objectContaining({
          subject: 'nowhere',
          status: 'fault',
          message: expect.stringContaining('database "nowhere" does not exist'),
          hint: expect.stringContaining('Check POSTGRES_DB'),
        }),
      ]);
      // The scheduler does not know the database either.
      expect(findings.find(({ check, subject }) => check === 'queues.plan' && subject === 'nowhere')).toMatchObject({
        status: 'fault',
      });
    });

    it('a role that may not read a table, a sequence, a schema or a large object; and what it says mends it', async () => {
      const env = { POSTGRES_DB: 'rights', POSTGRES_USER: 'clerk', POSTGRES_PASSWORD: 'canary-clerk' };
      const { code, findings } = await doctor(env);
      expect(code).toBe(1);
      const lacking = findings.filter(({ check, status }) => check.startsWith('postgres.') && status === 'fault');
      expect(lacking.map(({ check, message, hint }) => [check, message, hint?.split('\n')[0]])).toEqual([
        ['postgres.rights', 'clerk may not enter the schema closed', 'GRANT USAGE ON SCHEMA closed TO "clerk";'],
        [
          'postgres.rights',
          'clerk may not read the table closed.t, public.secret',
          'GRANT SELECT ON TABLE closed.t, public.secret TO "clerk";',
        ],
        [
          'postgres.rights',
          'clerk may not read the sequence public.hidden',
          'GRANT SELECT ON SEQUENCE public.hidden TO "clerk";',
        ],
        [
          'postgres.large-objects',
          'clerk may not read the large object 4711',
          'GRANT SELECT ON LARGE OBJECT 4711 TO "clerk";',
        ],
      ]);
      for (const { hint } of lacking) await stage.postgres.psql('rights', hint!.split('\n')[0]!);
      const { findings: after } = await doctor(env);
      expect(after.filter(({ check }) => /^postgres\.(?:rights|dump)$/.test(check))).toEqual([
        expect.objectContaining({ status: 'ok' }),
        expect.objectContaining({ status: 'ok', message: 'pg_dump writes its schema' }),
      ]);
    });

    it('a table whose rows row-level security hides', async () => {
      const env = { POSTGRES_DB: 'rights', POSTGRES_USER: 'reader', POSTGRES_PASSWORD: 'canary-reader' };
      const { finding, faults } = await doctor(env);
      expect(faults).not.toContain('postgres.rights');
      expect(finding('postgres.row-security')).toMatchObject({
        status: 'fault',
        subject: 'rights',
        message: expect.stringContaining('public.guarded'),
        hint: 'ALTER ROLE "reader" BYPASSRLS;',
      });
      // Tables outside the dump need not be readable.
      const limited = await doctor({ ...env, POSTGRES_EXTRA_OPTS: '--exclude-table=guarded --no-blobs' });
      expect(limited.finding('postgres.row-security')).toMatchObject({ status: 'warning' });
      expect(limited.faults.filter((check) => check.startsWith('postgres.'))).toEqual([]);
    });

    it('a table that another session holds, which is no fault', async () => {
      const { postgres } = stage;
      const held = postgres.psql('rights', 'begin; lock table open; select pg_sleep(600)').catch(() => undefined);
      const sleeper = `select pid from pg_stat_activity where wait_event = 'PgSleep'`;
      await expect.poll(() => postgres.psql('postgres', sleeper)).not.toBe('');
      const { finding, faults } = await doctor({ POSTGRES_DB: 'rights' });
      await postgres.psql('postgres', `select pg_terminate_backend(pid) from (${sleeper}) s`);
      await held;
      expect(faults).toEqual(['queues.plan']);
      expect(finding('postgres.dump')).toMatchObject({ status: 'warning', hint: expect.stringContaining('migration') });
    });

    it('a clock of the database server that is off', async () => {
      await stage.postgres.createDatabase('skewed');
      await stage.postgres.psql(
        'skewed',
        `set allow_system_table_mods = on;
         create or replace function pg_catalog.clock_timestamp() returns timestamptz volatile language sql
           as $$ select pg_catalog.now() + interval '2 hours' $$`,
      );
      const { finding } = await doctor({ POSTGRES_DB: 'skewed' });
      expect(finding('postgres.clock')).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(/^the database server's clock is (?:1h 59m|2h).* ahead of/),
        hint: expect.stringContaining('NTP'),
      });
    });

    it('a role that may have one connection alone', async () => {
      const env = { POSTGRES_DB: 'shop', POSTGRES_USER: 'single', POSTGRES_PASSWORD: 'canary-single' };
      const { finding, faults } = await doctor(env);
      expect(faults).toEqual(['postgres.connections']);
      expect(finding('postgres.connections')).toMatchObject({
        message: 'the role single may have 1 connection at a time, and a dump needs 2',
        hint: 'ALTER ROLE "single" CONNECTION LIMIT 5;',
      });
    });

    it.skipIf(!canMountTmpfs() || !hasCommand('unshare'))('a pg_dump older than the server', async () => {
      await using programs = await tempFolder('pgstow-fake-');
      const old = `#!/bin/sh\necho 'pg_dump (PostgreSQL) ${stage.postgres.major - 1}.3'\n`;
      await writeFile(join(programs.path, 'pg_dump'), old, { mode: 0o755 });
      await copyFile(join(stage.postgres.binDir, 'psql'), join(programs.path, 'psql'));
      // Only this process has no other processes in sight.
      const hide = 'mount -t tmpfs tmpfs /usr/lib/postgresql && exec "$@"';
      const { finding } = await doctor(
        { PATH: `${programs.path}:${process.env['PATH']}` },
        'unshare --mount sh -c'.split(' ').concat(hide, 'sh'),
      );
      expect(finding('postgres.clients')).toMatchObject({
        status: 'fault',
        message: expect.stringMatching(/^pg_dump \d+\.3 cannot dump a server of version \d+: it is older$/),
        hint: expect.stringContaining(`postgresql-client-${stage.postgres.major}`),
      });
      expect(finding('restore.server')).toMatchObject({
        status: 'fault',
        hint: expect.stringContaining('postgresql-'),
      });
    });

    it.skipIf(!hasExtension('hstore'))('a scratch host without an extension of the database', async () => {
      const { postgres } = stage;
      await postgres.createDatabase('extended');
      await postgres.psql('extended', 'create extension hstore; create extension pgcrypto');
      const here = await doctor({ POSTGRES_DB: 'extended' });
      const well = here.findings.filter(({ check }) => check === 'restore.extensions');
      expect(well).toMatchObject([{ status: 'ok', message: 'there are hstore, pgcrypto' }]);

      await using folder = await tempFolder('pgstow-host-');
      const look = { majors: [postgres.major], extensions: { [postgres.major]: ['pgcrypto'] }, roomBytes: 2 ** 40 };
      await using host = createServer((socket) => void socket.resume().end(`${JSON.stringify(look)}\n`));
      host.listen(join(folder.path, 'host.sock'));
      await once(host, 'listening');
      const { finding } = await doctor({ POSTGRES_DB: 'extended', VERIFY_HOST_DIR: folder.path });
      expect(finding('restore.extensions')).toMatchObject({
        status: 'fault',
        message: 'the scratch server lacks hstore: its restore tests cannot tell',
        hint: expect.stringContaining('SCRATCH_IMAGE'),
      });
    });

    it('a psql with a known fault, and the version that mends it', async () => {
      await using programs = await tempFolder('pgstow-fake-');
      const { binDir, major } = stage.postgres;
      await copyFile(join(binDir, 'pg_dump'), join(programs.path, 'pg_dump'));
      const old = `[ "$1" = --version ] && echo 'psql (PostgreSQL) ${major}.1' && exit`;
      await writeFile(join(programs.path, 'psql'), `#!/bin/sh\n${old}\nexec ${binDir}/psql "$@"\n`, { mode: 0o755 });
      const { finding } = await doctor({ PATH: `${programs.path}:${process.env['PATH']}` });
      expect(finding('postgres.psql')).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(
          new RegExp(`^psql ${major}\\.1 has a known fault.*; (?:${major}\\.\\d+ has it mended|use psql .* newer one)`),
        ),
        hint: expect.stringContaining('Update the PostgreSQL client programs'),
      });
    });

    it('an upgrade that cannot be rehearsed, and checks of a person’s own that cannot be read or are never run', async () => {
      await using folder = await tempFolder('pgstow-checks-');
      const file = join(folder.path, 'checks.sql');
      const missing = await doctor({ VERIFY_REHEARSE: '99', VERIFY_CHECKS: file });
      expect(missing.finding('restore.rehearsal')).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(/^there is no PostgreSQL server 99 here, only /),
      });
      expect(missing.finding('restore.checks')).toMatchObject({
        status: 'fault',
        message: expect.stringContaining(`VERIFY_CHECKS: cannot read ${file}: ENOENT`),
      });
      await writeFile(file, '-- check: a\n-- database: shops\nselect true;\nselect count(*) > 0 from t;');
      const read = await doctor({ VERIFY_REHEARSE: '12', VERIFY_CHECKS: file });
      expect(read.finding('restore.rehearsal').message).toMatch(/^VERIFY_REHEARSE is 12, and the source is PostgreSQL/);
      expect(read.finding('restore.checks')).toMatchObject({
        status: 'warning',
        message: '"a" is never run: no database of POSTGRES_DB is called shops',
      });
      expect(read.findings).toContainEqual(
        expect.objectContaining({ status: 'ok', message: 'its restore tests run 1 query of your own' }),
      );
    });

    it.skipIf(asOtherUser === undefined)('a folder that this user may not write to', async () => {
      const { user, args } = asOtherUser!;
      await using folder = await tempFolder('pgstow-doctor-');
      await chmod(folder.path, 0o755);
      const { finding } = await doctor({ BACKUP_DIR: folder.path }, ['setpriv', ...args]);
      expect(finding('folder.writable')).toMatchObject({
        status: 'fault',
        message: `cannot write to ${folder.path} as user ${user.uid}:${user.gid}`,
        hint: `Let this user write there: chown -R ${user.uid}:${user.gid} '${folder.path}'`,
      });
      await chown(folder.path, user.uid, user.gid);
      await writeFile(join(folder.path, 'backup_shop_20260101_030000.sql.gz'), 'x', { mode: 0o644 });
      const asRoot = await doctor({ BACKUP_DIR: folder.path });
      expect(asRoot.finding('folder.owner')).toMatchObject({ status: 'warning' });
      expect(asRoot.finding('folder.private')).toMatchObject({
        status: 'warning',
        message: 'other users of this machine may read a dump',
        hint: `Take the right from them: chmod -R o-rwx ${folder.path}`,
      });
    });

    it.skipIf(!canMountTmpfs())('a disk that is full, or too small for a dump', async () => {
      await using disk = await smallDisk(256 * 1024);
      const small = await doctor({ BACKUP_DIR: disk.path });
      expect(small.faults).toEqual(['folder.room']);
      expect(small.finding('folder.room')).toMatchObject({
        subject: 'shop',
        message: expect.stringMatching(/kB free, and the next dump needs about \d.* MB$/),
        hint: expect.stringContaining('BACKUP_KEEP_LAST'),
      });
      await writeFile(join(disk.path, 'filler'), Buffer.alloc(256 * 1024)).catch(() => undefined);
      const full = await doctor({ BACKUP_DIR: disk.path });
      expect(full.faults).toEqual(['folder.writable', 'folder.room']);
      expect(full.finding('folder.writable').message).toContain('is full');
    });

    it('what lies in the folder and does not count', async () => {
      await using folder = await tempFolder('pgstow-doctor-');
      const name = (day: string) => join(folder.path, `backup_shop_202601${day}_030000.sql.gz`);
      await writeFile(name('01'), 'x');
      await writeFile(`${name('02')}.partial`, 'x');
      await utimes(`${name('02')}.partial`, 1_700_000_000, 1_700_000_000);
      await writeFile(name('03'), 'x');
      await writeFile(`${name('03')}.manifest.json`, '{}');
      const { faults, finding } = await doctor({ BACKUP_DIR: folder.path });
      expect(faults).toEqual(['folder.damaged']);
      expect(finding('folder.damaged').message).toContain('backup_shop_20260103_030000.sql.gz.manifest.json');
      expect(finding('folder.strays').message).toContain('backup_shop_20260101_030000.sql.gz');
      expect(finding('folder.partials').message).toContain('backup_shop_20260102_030000.sql.gz.partial');
    });

    it('runs that were missed, and a bad restore test that freezes pruning', async () => {
      await using folder = await tempFolder('pgstow-doctor-');
      await makeDump(folder.path, { takenAt: hoursAgo(200) });
      const manifest = await makeDump(folder.path, { takenAt: hoursAgo(100) });
      await writeRestoreTest(folder.path, badTestOf(manifest));
      const env = { BACKUP_DIR: folder.path, BACKUP_KEEP_LAST: '1', S3_BUCKET: '', VERIFY_SCHEDULE: '30 4 * * 0' };
      const cron = await doctor(env);
      expect(cron.faults).toEqual(['schedule.missed', 'queues.plan', 'restore.result']);
      expect(cron.finding('schedule.missed')).toMatchObject({
        message: expect.stringMatching(/^[45] runs were missed since its newest dump, which is 4d 4h old$/),
        hint: expect.stringContaining('pgstow dump shop --wait'),
      });
      expect(cron.finding('restore.result').message).toMatch(/was bad: .*: public\.t has 1 row, not 2$/);
      expect(cron.finding('retention.frozen')).toMatchObject({ status: 'warning', subject: 'shop' });
      const words = cron.findings.find(({ check }) => check === 'restore.words')?.message;
      expect(words).toMatch(
        /at 04:30, only on Sunday \(30 4 \* \* 0, Europe\/Berlin\); next at Sun \d{4}-\d\d-\d\d 04:30, /,
      );

      const interval = await doctor({ ...env, BACKUP_CRON: '', BACKUP_INTERVAL: '259200', VERIFY_SCHEDULE: '' });
      expect(interval.faults).toEqual(['restore.result']);
      expect(interval.finding('schedule.missed')).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(/^one run was missed/),
      });
      expect(interval.findings.find(({ check }) => check === 'schedule.next')?.message).toMatch(
        /^next once the scheduler runs, \w{3} \d{4}-.*\(UTC\)$/,
      );
    });

    it('workers and a plan that are not there', async () => {
      const { faults, findings } = await doctor({ SITE: 'elsewhere' });
      expect(faults).toEqual(['queues.workers', 'queues.plan']);
      const missing = findings.filter(({ check, status }) => check === 'queues.workers' && status === 'fault');
      expect(missing.map(({ subject }) => subject)).toEqual(['dump', 'upload', 'verify']);
      expect(missing[1]).toMatchObject({
        message: 'no upload worker of the site "elsewhere" is connected',
        hint: expect.stringContaining('Start the upload worker'),
      });
    });

    it('a queue that is paused, and a job that failed', async () => {
      await using redis = await connectRedis(stage.redis.url, createLog('test', 'fatal', String));
      await using queue = openQueue('upload', 'default', redis);
      await queue.add('upload', { name: 'none of ours' } as never);
      await expect.poll(() => queue.getFailedCount()).toBe(1);
      await queue.pause();
      const { faults, finding } = await doctor();
      await queue.resume();
      await queue.clean(0, 10, 'failed');
      expect(faults).toEqual(['queues.paused']);
      expect(finding('queues.paused')).toMatchObject({ subject: 'upload', hint: expect.stringContaining('Resume') });
      expect(finding('queues.failed')).toMatchObject({ status: 'warning', subject: 'upload' });
    });
  });

  it('a fault of one subject hides nothing of the others', async () => {
    const { finding, findings, faults } = await doctor({ S3_TIMEOUT: 'long', BAKCUP_DIR: 'x', BACKUP_DRI: 'x' });
    expect(faults).toEqual(['configuration.values']);
    expect(finding('configuration.names').message).toContain('BACKUP_DRI is ignored; did you mean BACKUP_DIR?');
    expect(finding('s3.put')).toMatchObject({ status: 'skipped' });
    expect(findings.filter(({ status }) => status === 'ok').map(({ check }) => check)).toEqual(
      expect.arrayContaining(['postgres.rights', 'folder.room', 'redis.server']),
    );
  });

  it('never shows a secret, whatever is wrong', async () => {
    const canaries = {
      POSTGRES_PASSWORD: 'canary-postgres',
      AWS_ACCESS_KEY_ID: 'canary-key',
      AWS_SECRET_ACCESS_KEY: 'canary-secret',
      AWS_SESSION_TOKEN: 'canary-token',
      BOARD_PASSWORD: 'canary-board',
      REDIS_URL: `redis://:canary-redis@127.0.0.1:${stage.redis.port}`,
    };
    const url = `postgresql://clerk:canary-url@127.0.0.1:${stage.postgres.port}/shop`;
    const broken = { POSTGRES_HOST: '', POSTGRES_USER: '', POSTGRES_DB: '', POSTGRES_PASSWORD: '', DATABASE_URL: url };
    for (const env of [canaries, broken, { ...broken, DATABASE_URL: `${url}#x` }]) {
      const run = (...args: readonly string[]) => runCli(['doctor', ...args], { ...stage.env, ...env });
      for (const { code, stdout, stderr } of await Promise.all([run(), run('--json')])) {
        expect(code).toBe(1);
        expect(`${stdout}${stderr}`).not.toMatch(/canary/);
      }
    }
  });
});

const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);

const badTestOf = ({ name, sha256 }: Manifest): RestoreTest => ({
  version: 1,
  name,
  sha256,
  destination: 'local',
  result: 'bad',
  testedAt: hoursAgo(99).toISOString(),
  durationMs: 1,
  differences: ['public.t has 1 row, not 2'],
  differenceCount: 1,
  notes: [],
});

/** Another user than root, with the arguments by which setpriv runs a program as them, if they may read this checkout. */
function findOtherUser() {
  const user = hasCommand('setpriv') ? unprivilegedUser() : undefined;
  if (user === undefined) return undefined;
  const args = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--'];
  return spawnSync('setpriv', [...args, 'test', '-r', CLI]).status === 0 ? { user, args } : undefined;
}
