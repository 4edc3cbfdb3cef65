import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { makeDump, setUploadStage } from '../stage/upload-stage.ts';

const NAME = 'backup_x_20260101_000000.sql.gz';

describe.skipIf(!hasRedis())('a job that another producer wrote', () => {
  it('is refused at once, with a reason, and the next one is done', async () => {
    await using stage = await setUploadStage();
    await symlink('/etc/shadow', join(stage.folder, 'backup_link_20260101_000000.sql.gz'));
    await stage.startWorker();

    const names: readonly unknown[] = [
      'host=evil dbname=x',
      '--file=/x',
      '../../etc/passwd',
      'a;rm -rf /',
      '$(id)',
      `${NAME}\n`,
      'x'.repeat(10_000),
      '__proto__',
      `${NAME}/../../x`,
      `../../${NAME}`,
      7,
      null,
      { name: NAME },
      [NAME],
      true,
    ];
    const foreign: readonly unknown[] = [
      ...names.map((name) => ({ name, destination: 's3' })),
      ...['', 'S3', '__proto__', '../x', 'x'.repeat(17), 1, null].map((destination) => ({ name: NAME, destination })),
      { name: NAME, destination: 's3', path: '/etc/passwd' },
      { name: NAME },
      {},
      null,
      'text',
    ];
    for (const data of foreign)
      expect([data, await reasonOf(data)]).toEqual([data, expect.stringMatching(/the job's data is not one of ours/)]);

    expect(await reasonOf({ name: NAME, destination: 'elsewhere' })).toMatch(
      /no destination elsewhere .*only s3\nhint: /,
    );
    expect(await reasonOf({ name: NAME, destination: 's3' })).toMatch(/holds no whole dump .*\nhint: It was pruned/);
    const link = 'backup_link_20260101_000000.sql.gz';
    expect(await reasonOf({ name: link, destination: 's3' })).toMatch(/holds no whole dump/);
    expect(await stage.s3.listObjects(BUCKET)).toEqual([]);

    const manifest = await makeDump(stage.folder);
    await stage.queue.add('upload', { name: manifest.name, destination: 's3' });
    await stage.uploaded(manifest);

    async function reasonOf(data: unknown): Promise<string | undefined> {
      const { id } = await stage.queue.add('upload', data, { attempts: 30 });
      const job = await eventually(async () => {
        const job = await stage.queue.getJob(id!);
        return job?.finishedOn === undefined ? null : job;
      });
      return job.attemptsMade === 1 ? job.failedReason : `tried ${job.attemptsMade} times`;
    }
  });
});
