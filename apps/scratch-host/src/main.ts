import { assertScratchRoot } from '@pgstow/scratch/assert-scratch-root.ts';
import { startScratchHost } from '@pgstow/scratch/scratch-host.ts';
import { verify } from '@pgstow/shared/config/verify.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';

// It has no network, no secret and nothing of ours but this: what runs beside it is the code of whoever owns a source.
await runProcess('scratch-host', { verify }, async ({ config, log, stack }) => {
  const { folder } = config.verify;
  await assertScratchRoot(folder);
  stack.use(await startScratchHost({ folder, log }));
});
