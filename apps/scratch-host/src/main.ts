import { assertScratchRoot } from '@pgstow/scratch/assert-scratch-root.ts';
import { startScratchHost } from '@pgstow/scratch/scratch-host.ts';
import { verify } from '@pgstow/shared/config/subjects/verify.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';

// Beside this process runs code that the owner of a source wrote. So it has no network, no secrets and no other code of ours.
await runProcess('scratch-host', { verify }, async ({ config, log, stack }) => {
  const { folder } = config.verify;
  await assertScratchRoot(folder);
  stack.use(await startScratchHost({ folder, log }));
});
