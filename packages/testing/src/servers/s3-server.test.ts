import { CreateMultipartUploadCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { isAlive } from '../processes/running-processes.ts';
import { startS3 } from './s3-server.ts';

describe('startS3', () => {
  it('keeps objects and open multipart uploads over a crash, on the same port', async () => {
    let pid: number;
    {
      await using s3 = await startS3({ buckets: ['backups'] });
      await s3.putObject('backups', 'a/b.txt', 'hello');
      const { UploadId } = await s3.client.sdk.send(
        new CreateMultipartUploadCommand({ Bucket: 'backups', Key: 'big & large' }),
      );
      // Larger than the body limit that the server comes with.
      const Body = Buffer.alloc(20 * 1024 * 1024);
      await s3.client.sdk.send(
        new UploadPartCommand({ Bucket: 'backups', Key: 'big & large', UploadId, PartNumber: 1, Body }),
      );

      await s3.kill();
      await expect(fetch(s3.endpoint)).rejects.toThrow('fetch failed');
      await s3.start();

      expect(await s3.listObjects('backups')).toMatchObject([{ key: 'a/b.txt', sizeBytes: 5 }]);
      expect((await s3.getObject('backups', 'a/b.txt')).toString()).toBe('hello');
      expect(await s3.headObject('backups', 'none')).toBeUndefined();
      expect(await s3.listMultipartUploads('backups')).toEqual([{ key: 'big & large', uploadId: UploadId }]);
      ({ pid } = s3);
    }
    expect(isAlive(pid)).toBe(false);
  });

  it('refuses to overwrite under If-None-Match', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    const put = new PutObjectCommand({ Bucket: 'backups', Key: 'once', Body: 'one', IfNoneMatch: '*' });
    await s3.client.sdk.send(put);
    await expect(s3.client.sdk.send(put)).rejects.toThrow(expect.objectContaining({ name: 'PreconditionFailed' }));
  });

  it('lists every key, whatever stands between two pages', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    const keys = ['shop_1', 'shop_10'].flatMap((name) => Array.from({ length: 600 }, (_, index) => `${name}_${index}`));
    const left = keys.values();
    const put = async (): Promise<void> => {
      for (const key of left) await s3.putObject('backups', key, '');
    };
    await Promise.all(Array.from({ length: 8 }, put));
    const listed = (await s3.listObjects('backups')).map(({ key }) => key);
    expect(listed).toEqual(keys.toSorted());
  });
});
