import { setTimeout as delay } from 'node:timers/promises';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { assertRunning } from '../assert-running.ts';
import type { Run } from '../run-to-end.ts';
import { style } from '../show-steps.ts';
import { INTERVAL_MINUTES } from '../start-app.ts';

const EVERY_MS = 500;

/** Keeps the schedule going until Ctrl-C, and prints each further backup that the store confirms. */
export async function stayUp({ steps, signal, processes, backupDir }: Run): Promise<void> {
  steps.say(
    `The status page is open, and a dump follows every ${INTERVAL_MINUTES} minutes. ${style('bold', 'Ctrl-C ends it all.')}\n`,
  );
  const seen = new Set(await listConfirmed(backupDir));
  while (!signal.aborted) {
    assertRunning(processes);
    for (const name of await listConfirmed(backupDir)) {
      if (seen.has(name)) continue;
      seen.add(name);
      steps.say(
        `${style('green', '✔')} ${style('dim', new Date().toLocaleTimeString('en-GB'))}  ${name} is dumped, uploaded and confirmed`,
      );
    }
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function listConfirmed(folder: string): Promise<readonly string[]> {
  const { dumps } = await readFolder(folder);
  return dumps.filter(({ receipts }) => receipts.size > 0).map(({ manifest }) => manifest.name);
}
