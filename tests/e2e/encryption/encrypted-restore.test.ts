import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasAge, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { makeIdentity, type Identity } from '@pgstow/testing/machine/make-identity.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { startApp } from '../stage/processes/start-app.ts';
import { BUCKET, settingsOf, type Environment } from '../stage/settings-of.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

const CANARY = 'a-row-that-nobody-may-read';
const UNTESTED = { VERIFY_SCHEDULE: 'off' };

describe.skipIf(!hasRedis() || !hasPostgres() || !hasAge())('an encrypted backup', () => {
  let servers: Servers;
  let keys: TempFolder;
  let mine: Identity;
  let other: Identity;
  beforeAll(async () => {
    servers = await startServers({
      shop: `create table t as select i, '${CANARY}' as note from generate_series(1, 5000) i; create table hidden_customers ()`,
    });
    keys = await tempFolder('pgstow-keys-');
    mine = makeIdentity(keys.path, 'mine');
    other = makeIdentity(keys.path, 'other');
  });
  afterAll(async () => {
    await servers[Symbol.asyncDispose]();
    await keys[Symbol.asyncDispose]();
  });

  /** Dumps and uploads with workers of its own. */
  const take = async (stage: VerifyStage, env: Environment = {}): Promise<Manifest> => {
    const settings = {
      ...stage.dumps.settings,
      ...settingsOf({ s3: servers.s3, prefix: stage.prefix }),
      ...UNTESTED,
      AGE_RECIPIENTS: mine.recipient,
      ...env,
    };
    await using _uploader = await startApp('upload-worker', settings);
    await using _dumper = await startApp('dump-worker', settings);
    const { manifest } = await stage.dumps.dump('shop');
    await eventually(async () => (await findDump(stage.folder, manifest.name))?.receipts.has('s3'));
    return manifest;
  };
  const cli = (stage: VerifyStage, args: readonly string[], env: Environment = {}) =>
    runCli(args, { ...stage.dumps.settings, ...settingsOf({ s3: servers.s3, prefix: stage.prefix }), ...env });
  const stageOf = () => setVerifyStage({ ...servers, databases: 'shop' });
  const rowsIn = (database: string): Promise<string> =>
    servers.postgres.psql(database, `select count(*) from t where note = '${CANARY}'`);

  test('is copied as it is, is restored and GOOD with the identity, and lies nowhere decrypted', async () => {
    await using stage = await stageOf();
    const manifest = await take(stage);
    const object = await servers.s3.getObject(BUCKET, stage.keyOf(manifest.name));
    expect(object.equals(await readFile(join(stage.folder, manifest.name)))).toBe(true);
    await stage.startWorker({ AGE_IDENTITY_FILE: mine.file });
    expect(await stage.good(manifest.name)).toMatchObject({ result: 'good', rows: 5000 });
    await stage.expectNothingLeft();
    for (const file of await readdir(stage.folder))
      expect((await readFile(join(stage.folder, file))).includes(CANARY)).toBe(false);
  });

  test('cannot be told without an identity, once and plainly, and is told with it', async () => {
    await using stage = await stageOf();
    const manifest = await take(stage);
    const without = await stage.startWorker({ AGE_RECIPIENTS: mine.recipient, VERIFY_SCHEDULE: 'after-upload' });
    await without.waitForLine(/no AGE_IDENTITY_FILE: restore tests of encrypted dumps check what can be checked/);
    const test = await eventually(async () => (await stage.record(manifest.name)) ?? null);
    expect(test).toMatchObject({ result: 'could-not-tell', isSealed: true, differences: [] });
    expect(test?.reason).toMatch(/its sha256, its size, its last block and the number of its keys are right/);
    expect(without.tail).not.toMatch(/"level":"error"/);
    await without.stop();
    const again = await stage.startWorker({ AGE_RECIPIENTS: mine.recipient, VERIFY_SCHEDULE: 'after-upload' });
    await again.waitForLine(/"msg":"reconciled"/);
    expect((await stage.record(manifest.name))?.testedAt).toBe(test?.testedAt);
    await again.stop();
    await stage.startWorker({ AGE_IDENTITY_FILE: mine.file, VERIFY_SCHEDULE: 'after-upload' });
    await eventually(async () => (await stage.record(manifest.name))?.result === 'good');
  });

  test('with another identity is not BAD: the test says whose fault it is', async () => {
    await using stage = await stageOf();
    const manifest = await take(stage);
    await stage.startWorker({ AGE_IDENTITY_FILE: other.file });
    const { failedReason } = await stage.reaches(await stage.ask(manifest.name), 'failed');
    expect(failedReason).toMatch(/COULD NOT TELL .*no identity matched any of the recipients/);
    expect((await stage.record(manifest.name))?.isSealed).toBeUndefined();
  });

  test.each([
    ['cut short', (file: Buffer) => file.subarray(0, file.length - 1000)],
    ['cut at a block', (file: Buffer) => Buffer.concat([file.subarray(0, 1000)])],
    ['flipped by a bit', (file: Buffer) => flip(file, file.length - 100)],
  ])('that is %s at the store is BAD without an identity, too', async (_what, damage) => {
    await using stage = await stageOf();
    const manifest = await take(stage);
    const key = stage.keyOf(manifest.name);
    await servers.s3.putObject(BUCKET, key, damage(await servers.s3.getObject(BUCKET, key)));
    await stage.startWorker({ AGE_RECIPIENTS: mine.recipient });
    await stage.reaches(await stage.ask(manifest.name), 'failed');
    expect(await stage.record(manifest.name)).toMatchObject({ result: 'bad', isSealed: true });
  });

  test('is restored from folder and store with the identity, and refused without it before anything is done', async () => {
    await using stage = await stageOf();
    const { name } = await take(stage);
    const refused = await cli(stage, ['restore', 'shop', '--to', 'refused', '--create']);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/is encrypted, and no identity is here to decrypt it[^]*--identity/);
    const wrong = await cli(stage, ['restore', 'shop', '--to', 'wrong', '--create', '--identity', other.file]);
    expect(wrong.stderr).toMatch(/no identity matched any of the recipients/);
    expect(
      await servers.postgres.psql('postgres', "select count(*) from pg_database where datname in ('refused', 'wrong')"),
    ).toBe('0');
    const env = { AGE_IDENTITY_FILE: mine.file };
    expect(
      await cli(stage, ['restore', 'shop', '--to', 'local_copy', '--create', '--from', 'local'], env),
    ).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('5,000 rows in 2 tables'),
    });
    const fromStore = ['restore', 'shop', '--to', 'store_copy', '--create', '--from', 's3', '--at', name];
    expect(await cli(stage, [...fromStore, '--identity', mine.file])).toMatchObject({ code: 0 });
    expect([await rowsIn('local_copy'), await rowsIn('store_copy')]).toEqual(['5000', '5000']);
    for (const database of ['local_copy', 'store_copy'])
      await servers.postgres.psql('postgres', `drop database ${database}`);
  });

  test('of the globals is encrypted as well, and tested with the identity', async () => {
    await using stage = await stageOf();
    await servers.postgres.psql('postgres', 'create role globals_canary login');
    const { name } = await stage.dumpOnly(GLOBALS, { BACKUP_GLOBALS: 'on', AGE_RECIPIENTS: mine.recipient });
    expect(name).toMatch(/^globals_\d{8}_\d{6}\.sql\.gz\.age$/);
    const decrypt = `age -d -i ${mine.file} ${join(stage.folder, name)} | gunzip`;
    expect(spawnSync('bash', ['-c', decrypt], { encoding: 'utf8' }).stdout).toContain('CREATE ROLE globals_canary');
    await stage.startWorker({ AGE_IDENTITY_FILE: mine.file });
    expect((await stage.good(name, LOCAL)).result).toBe('good');
  });

  test('is restored by stock programs alone', async () => {
    await using stage = await stageOf();
    const { name } = await take(stage);
    await servers.postgres.createDatabase('by_hand');
    const command = `age -d -i ${mine.file} ${join(stage.folder, name)} | gunzip | ${servers.postgres.binDir}/psql -q -v ON_ERROR_STOP=1`;
    const env = { PATH: process.env['PATH'], ...servers.postgres.env('by_hand') };
    expect(spawnSync('bash', ['-o', 'pipefail', '-c', command], { env }).status).toBe(0);
    expect(await rowsIn('by_hand')).toBe('5000');
  });

  test('keeps even the names of its tables from the store, where manifests are encrypted', async () => {
    await using stage = await stageOf();
    const manifest = await take(stage, { AGE_MANIFESTS: 'encrypted' });
    const file = `${manifest.name}.manifest.json`;
    expect(await readdir(stage.folder)).toEqual(expect.arrayContaining([file, `${file}.age`]));
    const keysAtStore = (await servers.s3.listObjects(BUCKET, stage.prefix)).map(({ key }) => key);
    expect(keysAtStore.sort()).toEqual([stage.keyOf(manifest.name), stage.keyOf(`${file}.age`)]);
    for (const key of keysAtStore)
      expect((await servers.s3.getObject(BUCKET, key)).includes('hidden_customers')).toBe(false);
    // The host is lost: the bucket is all there is.
    for (const name of await readdir(stage.folder)) await rm(join(stage.folder, name));
    const without = await cli(stage, ['list', 'shop', '--json']);
    expect(without.code).toBe(0);
    expect(JSON.parse(without.stdout).backups).toMatchObject([
      { name: manifest.name, bytes: manifest.bytes, rows: null, state: 'unread' },
    ]);
    const env = { AGE_IDENTITY_FILE: mine.file };
    const listed = await cli(stage, ['list', 'shop', '--json'], env);
    expect(JSON.parse(listed.stdout).backups).toMatchObject([{ name: manifest.name, rows: 5000, state: 'uploaded' }]);
    expect(await cli(stage, ['restore', 'shop', '--to', 'lost', '--create'], env)).toMatchObject({ code: 0 });
    expect(await rowsIn('lost')).toBe('5000');
    await stage.startWorker(env);
    await stage.reaches(await stage.ask(manifest.name), 'completed');
  });

  test('of another tool is adopted with the identity, and left alone without', async () => {
    await using stage = await stageOf();
    const { name } = await take(stage);
    await rm(join(stage.folder, `${name}.manifest.json`));
    const without = await stage.dumps.startWorker(UNTESTED);
    await without.waitForLine(/it is encrypted, and no AGE_IDENTITY_FILE/);
    await without.stop();
    await stage.dumps.startWorker({ ...UNTESTED, AGE_IDENTITY_FILE: mine.file });
    const adopted = await eventually(async () => (await findDump(stage.folder, name))?.manifest ?? null);
    expect(adopted).toMatchObject({
      origin: 'adopted',
      tables: { 'public.t': 5000 },
      encryption: { gzipBytes: expect.any(Number) },
    });
  });

  test('whose record a crash withheld has it again without an identity', async () => {
    await using stage = await stageOf();
    const { name } = await take(stage);
    const record = join(stage.folder, `${name}.manifest.json`);
    const text = await readFile(record, 'utf8');
    await writeFile(`${record}.withheld`, text);
    await rm(record);
    await stage.dumps.startWorker(UNTESTED);
    await eventually(async () => (await findDump(stage.folder, name)) !== undefined);
    expect(await readFile(record, 'utf8')).toBe(text);
  });

  test('doctor says whether the identity fits, and that a key on this host alone is none', async () => {
    await using stage = await stageOf();
    const findings = async (env: Environment) => {
      const { stdout } = await cli(stage, ['doctor', '--json'], env);
      const all = (JSON.parse(stdout) as { findings: readonly { check: string; status: string; message: string }[] })
        .findings;
      return all
        .filter(({ check }) => check.startsWith('encryption.'))
        .map(({ check, status, message }) => `${check} ${status} ${message}`);
    };
    expect(await findings({})).toEqual([]);
    const both = `${mine.recipient} ${other.recipient}`;
    expect(await findings({ AGE_RECIPIENTS: mine.recipient })).toEqual([
      expect.stringMatching(/^encryption\.recipients ok age encrypts to age1/),
      expect.stringMatching(/^encryption\.identity warning no AGE_IDENTITY_FILE/),
    ]);
    expect((await findings({ AGE_RECIPIENTS: mine.recipient, AGE_IDENTITY_FILE: mine.file }))[1]).toMatch(
      /identity warning .*a key that is kept here alone is none/,
    );
    expect((await findings({ AGE_RECIPIENTS: both, AGE_IDENTITY_FILE: mine.file }))[1]).toMatch(/identity ok/);
    expect((await findings({ AGE_RECIPIENTS: other.recipient, AGE_IDENTITY_FILE: mine.file }))[1]).toMatch(
      /identity fault .* decrypts nothing/,
    );
    expect(
      await findings({ AGE_RECIPIENTS: mine.recipient, AGE_IDENTITY_FILE: join(stage.folder, 'k') }),
    ).toContainEqual(expect.stringMatching(/encryption\.place fault .*whoever has the backups has the key/));
  });
});

function flip(file: Buffer, at: number): Buffer {
  const flipped = Buffer.from(file);
  flipped[at]! ^= 1;
  return flipped;
}
