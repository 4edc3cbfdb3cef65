/** `npm run quickstart`: one whole backup cycle on this machine, with private servers and the real processes. */
import { parseArgs } from 'node:util';
import { compareDatabases } from './compare-databases.ts';
import { confirmAtStore } from './confirm-at-store.ts';
import { downloadDump } from './download-dump.ts';
import { keepEnvironmentOut } from './keep-environment-out.ts';
import { leaveOlderDumps } from './leave-older-dumps.ts';
import { loadSample } from './load-sample.ts';
import { printSummary } from './print-summary.ts';
import { proveDump } from './prove-dump.ts';
import { restoreDump } from './restore-dump.ts';
import { runToEnd } from './run-to-end.ts';
import { startDumpWorker } from './start-dump-worker.ts';
import { startScheduler } from './start-scheduler.ts';
import { startServers } from './start-servers.ts';
import { startUploadWorker } from './start-upload-worker.ts';
import { stayUp } from './stay-up.ts';
import { watchPrune } from './watch-prune.ts';
import { watchRestoreTest } from './watch-restore-test.ts';
import { watchUpload } from './watch-upload.ts';

await runToEnd(async (run) => {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const stays = process.stdout.isTTY && !values.once;
  keepEnvironmentOut(run.folder);

  run.steps.say('\nOne backup cycle on this machine, with private servers and the real processes.\n');
  const servers = await startServers(run);
  const sample = await loadSample(run, servers);
  const older = await leaveOlderDumps(run, servers);

  const board = await startScheduler(run, servers);
  await startUploadWorker(run, servers, older);
  const manifest = await startDumpWorker(run, servers);

  const proof = await proveDump(run, manifest, sample);
  const pruned = await watchPrune(run, servers, older);
  const receipt = await watchUpload(run, manifest);
  await confirmAtStore(run, servers, receipt);
  const test = await watchRestoreTest(run, servers, manifest);
  const file = await downloadDump(run, servers, receipt);
  const restored = await restoreDump(run, servers, file);
  const compared = await compareDatabases(run, servers, restored.database);

  printSummary({ run, servers, manifest, proof, pruned, receipt, test, restored, compared, board, stays });
  if (stays) await stayUp(run);
});
