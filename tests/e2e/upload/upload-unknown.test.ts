import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { REFUSALS } from '@pgstow/testing/servers/s3-server.ts';
import { describe, expect, it } from 'vitest';
import { MIB, makeDump, putsOf, s3Error, setUploadStage } from '../stage/upload-stage.ts';

const EXTRAS = { S3_CHECKSUM: 'sha256', S3_STORAGE_CLASS: 'STANDARD_IA' };
const day = (date: number): Date => new Date(Date.UTC(2026, 0, date));

describe.skipIf(!hasRedis())('a store that refuses what it does not know', () => {
  it.each([
    ...REFUSALS.map((refusal) => ({ what: refusal, refuses: [refusal], isMute: false })),
    { what: 'anything of it, and does not say what', refuses: REFUSALS, isMute: true },
  ])('gets dump and manifest without it, and is warned of once: $what', async ({ refuses, isMute }) => {
    await using stage = await setUploadStage({ refuses, isMute });
    const large = await makeDump(stage.folder, { bytes: 12 * MIB, takenAt: day(1) });
    const small = await makeDump(stage.folder, { takenAt: day(2) });
    const worker = await stage.startWorker(EXTRAS);

    for (const manifest of [large, small]) await stage.uploaded(manifest);
    await worker.waitForLine(/"reconciled"/);

    const said = worker.tail
      .split('\n')
      .filter((line) => /"level":40.*(?:the store does not|cannot be found)/.test(line));
    expect(said).toHaveLength(refuses.length);
    for (const manifest of [large, small]) {
      const job = await eventually(async () => (await stage.jobOf(manifest.name)) ?? null);
      expect(job.attemptsMade).toBeLessThanOrEqual(1);
      expect(job.failedReason).toBeUndefined();
    }

    // The worker remembers this: it puts each later dump and manifest once.
    const next = await makeDump(stage.folder, { takenAt: day(3) });
    await stage.queue.add('upload', { name: next.name, destination: 's3' });
    await stage.uploaded(next);
    expect(putsOf(stage, next.name)).toHaveLength(1);
    expect(putsOf(stage, `${next.name}.manifest.json`)).toHaveLength(1);
  });

  it('warns once for all dumps that it may not list open uploads', async () => {
    await using stage = await setUploadStage();
    await stage.proxy.status(403, { body: s3Error('AccessDenied'), when: ({ path }) => path.includes('uploads') });
    const dumps = [
      await makeDump(stage.folder, { takenAt: day(1) }),
      await makeDump(stage.folder, { takenAt: day(2) }),
    ];
    const worker = await stage.startWorker();
    for (const manifest of dumps) await stage.uploaded(manifest);
    await worker.waitForLine(/"reconciled"/);
    expect(worker.tail.match(/uploads that were left open cannot be found/g)).toHaveLength(1);
  });

  it('does not overwrite an object, though the store cannot refuse that', async () => {
    await using stage = await setUploadStage({ refuses: ['if-none-match'] });
    const learnt = await makeDump(stage.folder, { takenAt: day(1) });
    await stage.startWorker();
    await stage.uploaded(learnt);
    const { name } = await makeDump(stage.folder, { takenAt: day(2) });
    await stage.s3.putObject('backups', `site/${name}`, 'of somebody else');
    await stage.queue.add('upload', { name, destination: 's3' }, { jobId: `upload.${name}.s3` });
    expect((await stage.failed(name)).failedReason).toMatch(/is taken: something else lies there/);
    expect((await stage.s3.getObject('backups', `site/${name}`)).toString()).toBe('of somebody else');
  });
});
