import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { expect, it } from 'vitest';

it('a process that has worked collects its garbage when it rests', async () => {
  await using folder = await tempFolder();
  const script = join(folder.path, 'rests.ts');
  await writeFile(
    script,
    `import { giveMemoryBack } from ${JSON.stringify(join(import.meta.dirname, 'give-memory-back.ts'))};
     giveMemoryBack({ lookEveryMs: 500 });
     globalThis.registry = new FinalizationRegistry(console.log);
     globalThis.registry.register({}, 'collected');
     while (process.cpuUsage().user < 400_000);
     setInterval(() => {}, 1000);`,
  );
  await using child = await startProcess({ script });
  expect((await child.waitForLine(/collected/)).stream).toBe('stdout');
});
