import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { findingsAcceptanceFileName } from '@pgstow/shared/contract/findings-acceptance.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { startScheduler } from '../stage/processes/start-scheduler.ts';
import { runRestore } from '../stage/restore-stage.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { SORTED_DATABASE } from '../stage/sorted-database.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

const ONE_DUMP = { BACKUP_KEEP_LAST: '1' };

describe.skipIf(!hasRedis() || !hasPostgres())('a finding that a person has accepted', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ sorted: SORTED_DATABASE, shop: 'create table t as select 1 as a' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  /** The command line of a stage without a destination. */
  const cliOf =
    (stage: VerifyStage) =>
    (...args: readonly string[]) =>
      runCli(args, stage.dumps.settings);
  const accept = async (stage: VerifyStage, name: BackupName) => {
    const { code, stdout, stderr } = await cliOf(stage)('accept', name, '--reason', 'it is known');
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const bad = async (stage: VerifyStage, name: BackupName, destination = LOCAL) => {
    await stage.reaches(await stage.ask(name, destination), 'failed');
    const test = await stage.record(name, destination);
    expect(test?.result).toBe('bad');
    return test!;
  };
  /** Makes a dump lack objects that its source is said to have had. */
  const lacking = (stage: VerifyStage, manifest: Manifest, ...objects: readonly string[]) => {
    const lost = Object.fromEntries(objects.map((object) => [object, { definition: '00000000' }]));
    const source = manifest.source!;
    return stage.rewrite(manifest, {
      manifest: { source: { ...source, objects: { ...source.objects, ...lost }, schemaSha256: '0'.repeat(64) } },
    });
  };

  it('makes its dump and the next ones GOOD, ends the alarm, and lets pruning go on, when its dump is long gone', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setVerifyStage({ ...servers, databases: 'sorted' });
    const cli = cliOf(stage);
    const notifies = { NOTIFY_URLS: `${endpoint.url}/notify` };
    const worker = await stage.startWorker(notifies);
    const first = await stage.dumpOnly('sorted', ONE_DUMP);
    expect(await bad(stage, first.name)).toMatchObject({ differenceCount: 1, findings: [expect.any(String)] });
    const second = await stage.dumpOnly('sorted', ONE_DUMP);
    expect(await findDump(stage.folder, first.name)).toBeDefined();
    expect((await cli('status')).stdout).toContain('in Order');
    await worker.stop();

    const silent = await cli('accept', first.name);
    expect([silent.code, silent.stderr]).toEqual([2, expect.stringContaining('needs a reason')]);
    expect(await accept(stage, first.name)).toMatch(
      /^accepted of backup_sorted_.*:\n  pg_amcheck: .*in Order[^]*Old dumps of sorted are deleted again after its next dump\.$/,
    );
    expect((await cli('list', 'sorted')).stdout.match(/(?<= )(?:bad|restored|dumped)$/gm)).toEqual([
      'dumped',
      'restored',
    ]);
    const again = await cli('accept', first.name, '--reason', 'twice');
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('is accepted already')]);

    {
      // No worker is needed.
      await using scheduler = await startScheduler({ ...stage.dumps.settings, ...notifies });
      await eventually(() => postedTo(endpoint).length === 2);
      expect((await scheduler.request('/healthz')).status).toBe(200);
      const page = await (await scheduler.request('/')).text();
      expect(page).toContain('good</span>, but for what was accepted');
      expect(page).toContain('What it found was accepted: there is nothing to do.');
    }
    await using next = await stage.startWorker(notifies);
    const note = expect.stringMatching(/^accepted on 20..-..-.. \(it is known\): pg_amcheck: .*in Order/) as string;
    expect(await stage.good(second.name, LOCAL)).toMatchObject({ notes: expect.arrayContaining([note]) as string[] });
    const third = await stage.dumpOnly('sorted', ONE_DUMP);
    for (const { name } of [first, second]) expect(await findDump(stage.folder, name)).toBeUndefined();
    await access(join(stage.folder, findingsAcceptanceFileName(first.name)));
    expect(await stage.good(third.name, LOCAL)).toMatchObject({
      differences: [],
      acceptedAt: expect.any(String) as string,
      notes: expect.arrayContaining([note]) as string[],
    });
    await next.stop();
    expect(postedTo(endpoint)).toMatchObject([
      { event: 'raised', kind: 'restore-test-bad', name: first.name },
      {
        event: 'recovered',
        kind: 'restore-test-bad',
        name: first.name,
        happened: `${first.name} restores, and what differs from its manifest was accepted.`,
      },
    ]);
    expect((await cli('status')).stdout).not.toContain('in Order');
  });

  it('does not excuse another one: that is BAD until it is accepted too; a restore has the same notes', async () => {
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    await using worker = await stage.startWorker();
    const dumpLacking = async (...objects: readonly string[]) =>
      lacking(stage, await stage.dumpOnly('shop'), ...objects);
    const first = await dumpLacking('operator public.@@');
    const restore = (name: BackupName, to: string) =>
      runRestore(['shop', '--to', to, '--create', '--at', name, '--from', LOCAL], stage.dumps.settings);
    await bad(stage, first.name);
    expect(await restore(first.name, 'shop_1')).toMatchObject({
      code: 4,
      text: expect.stringContaining('operator public.@@ is missing') as string,
    });
    await accept(stage, first.name);

    const second = await dumpLacking('operator public.@@', 'view public.v');
    expect(await bad(stage, second.name)).toMatchObject({
      reason: 'view public.v is missing',
      differences: ['view public.v is missing'],
      differenceCount: 1,
      notes: expect.arrayContaining([
        expect.stringMatching(/^accepted on .*operator public\.@@ is missing/),
      ]) as string[],
    });
    await accept(stage, second.name);
    await stage.good(second.name, LOCAL);
    expect(await restore(second.name, 'shop_2')).toMatchObject({
      code: 0,
      text: expect.stringMatching(
        /note: accepted on .*view public\.v is missing\nequal to its manifest, but for what was accepted: 1 rows/,
      ) as string,
    });

    const third = await stage.dumpOnly('shop');
    const fewer = await stage.rewrite(third, { text: (sql) => sql.replace('\n1\n', '\n') });
    expect((await bad(stage, fewer.name)).differences).toEqual(
      expect.arrayContaining(['table public.t has 0 rows; the dump holds 1']),
    );
    await worker.stop();
  });

  it('is never damage: a dump that is not what was dumped, or does not restore, stays BAD', async () => {
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    await using worker = await stage.startWorker();
    const cli = cliOf(stage);
    const torn = await stage.rewrite(await stage.dumpOnly('shop'), {
      text: (sql) => sql.replace('CREATE TABLE public.t', 'CREATE TABLE TABLE'),
    });
    expect(await bad(stage, torn.name)).not.toHaveProperty('findings');
    const refused = await cli('accept', torn.name, '--reason', 'never mind');
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringMatching(/cannot be accepted: it does not restore: .*no word makes it whole/),
    ]);

    const { name, bytes } = await stage.dumpAndUpload('shop');
    const object = await servers.s3.getObject(BUCKET, stage.keyOf(name));
    object[Math.floor(bytes / 2)]! ^= 1;
    await servers.s3.putObject(BUCKET, stage.keyOf(name), object);
    await bad(stage, name, 's3');
    const again = await cli('accept', 'latest', '--reason', 'never mind');
    expect([again.code, again.stderr]).toEqual([3, expect.stringContaining('at s3 cannot be accepted: what lies at')]);
    await worker.stop();
  });
});
