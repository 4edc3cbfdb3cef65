/** `npm run quickstart`: one whole backup cycle on this machine, with private servers and the real processes. */
import { parseArgs } from 'node:util';
import { keepEnvironmentOut } from './keep-environment-out.ts';
import { runToEnd } from './run-to-end.ts';
import { compareDatabases } from './steps/compare-databases.ts';
import { confirmAtStore } from './steps/confirm-at-store.ts';
import { downloadDump } from './steps/download-dump.ts';
import { leaveOlderDumps } from './steps/leave-older-dumps.ts';
import { loadSample } from './steps/load-sample.ts';
import { printSummary } from './steps/print-summary.ts';
import { proveDump } from './steps/prove-dump.ts';
import { restoreDump } from './steps/restore-dump.ts';
import { startDumpWorker } from './steps/start-dump-worker.ts';
import { startScheduler } from './steps/start-scheduler.ts';
import { startServers } from './steps/start-servers.ts';
import { startUploadWorker } from './steps/start-upload-worker.ts';
import { stayUp } from './steps/stay-up.ts';
import { watchDump } from './steps/watch-dump.ts';
import { watchPrune } from './steps/watch-prune.ts';
import { watchRestoreTest } from './steps/watch-restore-test.ts';
import { watchUpload } from './steps/watch-upload.ts';

await runToEnd(async (run) => {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const stays = process.stdout.isTTY && !values.once;
  keepEnvironmentOut(run.folder);

  run.steps.say('\nOne backup cycle on this machine, with private servers and the real processes.\n');
  const servers = await startServers(run);
  const sample = await loadSample(run, servers);
  const older = await leaveOlderDumps(run, servers);

  await startDumpWorker(run, servers, older);
  await startUploadWorker(run, servers, older);
  const board = await startScheduler(run, servers);
  const manifest = await watchDump(run);

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
