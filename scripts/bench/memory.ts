import { backupCycle } from './backup-cycle.ts';
import { megabytes } from './dumps.ts';
import { formatTable } from './format-table.ts';
import type { Section } from './section.ts';
import type { Bench } from './start-bench.ts';

/** Shows that the workers' memory does not grow with the database. @param scales sizes, in units of 500 MB of SQL */
export async function measureMemory(bench: Bench, scales: readonly number[]): Promise<Section> {
  const rows: string[][] = [];
  const ratios: Record<string, number> = {};
  for (const scale of scales) {
    const database = `scale${scale}`;
    console.log(`memory: loading ${database} …`);
    await bench.postgres.createDatabase(database);
    await bench.loadSample(database, scale);
    await using cycle = await backupCycle(bench, database);
    const { sqlBytes, bytes } = await cycle.run();
    const { dumpWorker, uploadWorker } = cycle.peakMemoryMiB();
    rows.push([megabytes(sqlBytes), megabytes(bytes), dumpWorker.toFixed(0), uploadWorker.toFixed(0)]);
    ratios[`memory of the dump worker at scale ${scale}, of 110 MiB`] = dumpWorker / 110;
    ratios[`memory of the upload worker at scale ${scale}, of 110 MiB`] = uploadWorker / 110;
    await bench.postgres.dropDatabase(database);
  }
  return {
    title: 'Memory',
    blocks: [
      'Peaks of one cycle in new processes.',
      formatTable([['SQL', 'compressed', 'dump worker, MiB', 'upload worker, MiB'], ...rows]),
    ],
    ratios,
  };
}
