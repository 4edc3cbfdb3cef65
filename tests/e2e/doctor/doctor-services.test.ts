import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startFaultProxy, type FaultProxy, type SeenRequest } from '@pgstow/testing/servers/fault-proxy.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { REFUSALS, startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { diagnose, PREFIX, startHeaderProxy } from '../stage/doctor-stage.ts';
import { launchCli, outputOf } from '../stage/processes/run-cli.ts';
import { BUCKET, settingsOf } from '../stage/settings-of.ts';
import { s3Error } from '../stage/upload-stage.ts';

/** Without PostgreSQL and workers: `doctor-whole.test.ts` covers them. */
describe.skipIf(!hasRedis())('pgstow doctor', () => {
  let redis: RedisServer;
  let s3: S3Server;
  let proxy: FaultProxy;
  let folder: TempFolder;
  const settings = () => ({
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_PORT: '9',
    POSTGRES_USER: 'backup',
    ...settingsOf({
      databases: 'shop',
      redis,
      s3: { ...s3, endpoint: proxy.url },
      prefix: PREFIX,
      folder: folder.path,
    }),
  });
  const doctor = (env: Readonly<Record<string, string>> = {}) => diagnose({ ...settings(), ...env });
  const faultsOf = async (group: 's3' | 'redis', diagnosis: ReturnType<typeof doctor>) =>
    (await diagnosis).faults.filter((check) => check.startsWith(`${group}.`));
  const probes = async () => (await s3.listObjects(BUCKET, `${PREFIX}pgstow-doctor-`)).map(({ key }) => key);

  beforeAll(async () => {
    [redis, s3, folder] = await Promise.all([
      startRedis({ appendOnly: true }),
      startS3({ buckets: [BUCKET] }),
      tempFolder('pgstow-doctor-'),
    ]);
    proxy = await startFaultProxy({ targetPort: s3.port });
  });
  afterEach(async () => {
    await proxy.pass();
    for (const key of await probes()) await s3.deleteObject(BUCKET, key);
  });
  afterAll(async () => {
    for (const each of [proxy, folder, s3, redis]) await each?.[Symbol.asyncDispose]();
  });

  describe('at the store', () => {
    it('tries what uploads do, with the settings of uploads', async () => {
      const { findings } = await doctor({ S3_CHECKSUM: 'sha256', S3_STORAGE_CLASS: 'STANDARD_IA' });
      expect(findings.filter(({ check, status }) => check.startsWith('s3.') && status === 'fault')).toEqual([]);
      const put = proxy.requests.find(({ method, path }) => method === 'PUT' && !path.includes('partNumber'));
      expect(put).toMatchObject({
        path: expect.stringContaining(`/${BUCKET}/${PREFIX}pgstow-doctor-`),
        headers: { 'if-none-match': '*', 'x-amz-storage-class': 'STANDARD_IA' },
      });
      expect(findings.find(({ check }) => check === 's3.confirm')?.message).toBe(
        'uploads are confirmed by the checksum that the store keeps',
      );
      expect(await probes()).toEqual([]);
    });

    it.each([
      { code: 'InvalidAccessKeyId', status: 403, hint: /Check AWS_ACCESS_KEY_ID/ },
      { code: 'SignatureDoesNotMatch', status: 403, hint: /Check AWS_SECRET_ACCESS_KEY/ },
    ])('names a key that is wrong: $code', async ({ code, status, hint }) => {
      await proxy.status(status, { body: s3Error(code) });
      const { finding, faults } = await doctor();
      expect(faults.filter((check) => check.startsWith('s3.'))).toEqual(['s3.put']);
      expect(finding('s3.put')).toMatchObject({
        message: expect.stringContaining(code),
        hint: expect.stringMatching(hint),
      });
    });

    it('says what to do without any key, though one may come later', async () => {
      const keyless = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };
      const { finding } = await doctor(keyless);
      expect(finding('s3.put')).toMatchObject({ status: 'fault', hint: expect.stringContaining('role or profile') });
    });

    it('says that a store ignores If-None-Match', async () => {
      await using careless = await startHeaderProxy(s3.endpoint, {
        ofRequest: (headers) =>
          Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'if-none-match')),
      });
      const { finding } = await doctor({ S3_ENDPOINT: careless.url });
      expect(finding('s3.conditional')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('ignores If-None-Match'),
        hint: expect.stringContaining('versioning'),
      });
    });

    it('says what a store does not know, and that uploads go without it', async () => {
      await using plain = await startS3({ buckets: [BUCKET], refuses: REFUSALS });
      const env = { S3_ENDPOINT: plain.endpoint, S3_CHECKSUM: 'crc32', S3_STORAGE_CLASS: 'STANDARD_IA' };
      const { faults, finding, findings } = await doctor(env);
      expect(faults.filter((check) => check.startsWith('s3.'))).toEqual([]);
      expect(findings.find(({ check }) => check === 's3.put')).toMatchObject({ status: 'ok' });
      expect(finding('s3.conditional')).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(/does not know If-None-Match: pgstow looks .*Conditional object PUTs/),
      });
      expect(findings.find(({ check }) => check === 's3.confirm')).toMatchObject({
        status: 'ok',
        message: expect.stringMatching(/by the store's ETag; the store does not know checksums/),
      });
      expect(finding('s3.storage-class')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('does not have the storage class STANDARD_IA'),
        hint: expect.stringContaining('S3_STORAGE_CLASS'),
      });
      expect(finding('s3.open-uploads')).toMatchObject({ status: 'warning' });
      expect(findings.find(({ check }) => check === 's3.multipart')).toMatchObject({ status: 'ok' });
    });

    it('says that dumps would go into an archive, by setting or by a lifecycle rule', async () => {
      const { finding, faults } = await doctor({ S3_STORAGE_CLASS: 'GLACIER' });
      expect(faults.filter((check) => check.startsWith('s3.'))).toEqual([]);
      expect(finding('s3.storage-class')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('dumps are put into an archive (GLACIER)'),
        hint: expect.stringContaining('GLACIER_IR'),
      });

      const ruleOf = (days: number): string =>
        `<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Filter><Prefix>${PREFIX}backup_</Prefix></Filter><Transition><Days>${days}</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition></Rule></LifecycleConfiguration>`;
      const when = ({ path }: SeenRequest): boolean => path.includes('lifecycle');
      const found = async (days: number) => {
        await proxy.status(200, { body: ruleOf(days), when });
        return (await doctor()).findings.filter(({ message }) => message.includes('moves objects into an archive'));
      };
      expect(await found(1)).toEqual([
        expect.objectContaining({ check: 's3.lifecycle', status: 'warning', hint: expect.stringContaining('7 days') }),
      ]);
      expect(await found(30)).toEqual([expect.objectContaining({ check: 's3.lifecycle', status: 'ok' })]);
    });

    it('says that a store takes no upload in parts', async () => {
      const isBegun = ({ method, path }: SeenRequest): boolean => method === 'POST' && path.includes('uploads');
      await proxy.status(501, { body: s3Error('NotImplemented'), when: isBegun });
      const { finding, faults } = await doctor();
      expect(faults.filter((check) => check.startsWith('s3.'))).toEqual(['s3.multipart']);
      expect(finding('s3.multipart')).toMatchObject({
        message: expect.stringMatching(/^begin an upload in parts: .*; larger dumps cannot be uploaded$/),
        hint: expect.stringContaining('cannot do this'),
      });
    });

    it('leaves its object where the key may not delete, and says so; what may not be read is skipped', async () => {
      const isRefused = ({ method, path }: SeenRequest): boolean =>
        (method === 'DELETE' && !path.includes('uploadId')) || /[?&](?:versioning|lifecycle)/.test(path);
      await proxy.status(403, { body: s3Error('AccessDenied'), when: isRefused });
      const { findings, finding } = await doctor();
      const [left] = await probes();
      expect(findings.find(({ check }) => check === 's3.delete')).toMatchObject({
        status: 'ok',
        message: expect.stringMatching(`^one small object stays, ${left}: .* may not delete`),
      });
      for (const check of ['s3.versioning', 's3.lifecycle'])
        expect(finding(check)).toMatchObject({ status: 'skipped' });
    });

    it('says which rights to list are missing, which uploads can do without', async () => {
      const isListing = ({ method, path }: SeenRequest): boolean => method === 'GET' && /list-type|uploads/.test(path);
      await proxy.status(403, { body: s3Error('AccessDenied'), when: isListing });
      const { finding } = await doctor();
      expect(finding('s3.list')).toMatchObject({ status: 'warning', hint: expect.stringContaining('s3:ListBucket') });
      expect(finding('s3.open-uploads')).toMatchObject({
        status: 'warning',
        hint: expect.stringContaining('s3:ListBucketMultipartUploads'),
      });
      expect(await s3.listMultipartUploads(BUCKET)).toEqual([]);
    });

    it('says that bytes change on their way', async () => {
      await proxy.corrupt((chunk) => Buffer.from(chunk.map((byte) => byte ^ 1)), {
        when: ({ method, path }) => method === 'PUT' && !path.includes('partNumber'),
      });
      const { faults, finding } = await doctor();
      expect(faults).toContain('s3.read');
      expect(finding('s3.read').hint).toContain('S3_ENDPOINT');
    });

    it.each([
      { minutes: 2, status: 'warning' },
      { minutes: -30, status: 'fault' },
    ])('compares clocks: $minutes minutes', async ({ minutes, status }) => {
      await using skewed = await startHeaderProxy(s3.endpoint, {
        ofAnswer: (headers) => ({ ...headers, date: new Date(Date.now() + minutes * 60_000).toUTCString() }),
      });
      expect((await doctor({ S3_ENDPOINT: skewed.url })).finding('s3.clock')).toMatchObject({
        status,
        message: expect.stringMatching(minutes > 0 ? /is [12]m.* ahead of/ : /is (?:29|30)m.* behind/),
        hint: expect.stringContaining('NTP'),
      });
    });

    it('warns that there is no bucket at all', async () => {
      expect((await doctor({ S3_BUCKET: '' })).finding('s3.put')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('no bucket is configured'),
      });
    });
  });

  describe('in Redis', () => {
    const reset: string[] = [];
    const configure = async (name: string, value: string, before: string): Promise<void> => {
      await redis.command(`CONFIG SET ${name} ${value}`);
      reset.push(`CONFIG SET ${name} ${before}`);
    };
    afterEach(async () => {
      for (const line of reset.splice(0)) await redis.command(line);
    });

    it('finds nothing wrong with one that keeps what it is given', async () => {
      expect(await faultsOf('redis', doctor())).toEqual([]);
    });

    it.each([
      { name: 'maxmemory-policy', value: 'allkeys-lru', before: 'noeviction', check: 'redis.eviction' },
      { name: 'appendonly', value: 'no', before: 'yes', check: 'redis.persistence' },
      { name: 'maxmemory', value: '900000', before: '0', check: 'redis.memory' },
    ])('names $name $value', async ({ name, value, before, check }) => {
      await configure(name, value, before);
      const { finding, faults } = await doctor();
      expect(faults.filter((each) => each.startsWith('redis.'))).toEqual([check]);
      expect(finding(check).hint).toContain(name);
    });
  });

  it('ends when it is interrupted, with exit code 130', async () => {
    await using silent = await startFaultProxy({ targetPort: redis.port, protocol: 'tcp' });
    await silent.hang();
    const env = { ...settings(), POSTGRES_PORT: String(silent.port) };
    await using child = await launchCli(['doctor'], env);
    // Now psql waits for the server.
    await eventually(() => silent.connectionCount > 0);
    expect(await child.stop('SIGINT')).toMatchObject({ code: 130 });
    expect(outputOf(child, 'stderr')).toBe('pgstow: interrupted');
  });

  it('ends in time where nothing answers, and checks the others meanwhile', async () => {
    await using silent = await startFaultProxy({ targetPort: redis.port, protocol: 'tcp' });
    await silent.hang();
    await proxy.hang();
    const { finding, findings } = await doctor({
      POSTGRES_PORT: String(silent.port),
      REDIS_URL: `redis://127.0.0.1:${silent.port}`,
      S3_TIMEOUT: '3',
    });
    expect(finding('redis.server').message).toContain('does not answer within');
    expect(finding('queues.workers')).toMatchObject({ status: 'skipped' });
    expect(finding('postgres.server').message).toContain('timeout expired');
    expect(finding('s3.put')).toMatchObject({ status: 'fault' });
    expect(findings.find(({ check }) => check === 'folder.writable')).toMatchObject({ status: 'ok' });
  });
});
