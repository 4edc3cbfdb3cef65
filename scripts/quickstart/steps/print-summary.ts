import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { S3Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import prettyBytes from 'pretty-bytes';
import type { Run } from '../run-to-end.ts';
import { style } from '../show-steps.ts';
import { KEEP_LAST } from '../start-app.ts';
import { describeConfirmation } from './confirm-at-store.ts';
import type { Restored } from './restore-dump.ts';
import type { Board } from './start-scheduler.ts';
import type { Servers } from './start-servers.ts';
import { describeRestoreTest } from './watch-restore-test.ts';

export type Summary = {
  readonly run: Run;
  readonly servers: Servers;
  readonly manifest: Manifest;
  readonly proof: string;
  readonly pruned: readonly BackupName[];
  readonly receipt: S3Receipt;
  readonly test: RestoreTest;
  readonly restored: Restored;
  readonly compared: string;
  readonly board: Board;
  /** Whether the board stays open. */
  readonly stays: boolean;
};

/** Prints the facts of the cycle for people. */
export function printSummary(summary: Summary): void {
  const { run, servers, manifest, proof, pruned, receipt, test, restored, compared, board, stays } = summary;
  const sql = `${prettyBytes(manifest.sqlBytes)} of SQL, ${proof}`;
  const seconds = ((manifest.durationMs ?? 0) / 1000).toFixed(1);
  const lines: readonly (readonly [string, string])[] = [
    ['file', manifest.name],
    ['size', `${prettyBytes(manifest.bytes)} (${sql})`],
    [
      'taken',
      `${readableTime(manifest.takenAt)}, in ${seconds} s by pg_dump ${manifest.pgDumpVersion} and ${manifest.compressor}`,
    ],
    ['sha256', manifest.sha256],
    ['folder', run.backupDir],
    ['bucket', `${receipt.bucket} at ${servers.s3.endpoint}`],
    ['key', receipt.key],
    ['confirmed', `${readableTime(receipt.confirmedAt)}, by ${describeConfirmation(receipt)}`],
    ['pruned', `${pruned.length} older dumps, all of them in the bucket; the ${KEEP_LAST} newest are kept`],
    ['tested', `GOOD as it lies in the bucket: ${describeRestoreTest(test)}`],
    ['restored', `from the bucket in ${restored.seconds.toFixed(1)} s, with gunzip -c FILE | psql`],
    ['compared', `${compared}: row counts and content hashes as in the source`],
    ['page', `${board.url}  user ${board.user}  password ${board.password}${stays ? '' : '  (until this ends)'}`],
  ];
  run.steps.say(`\n${style(['green', 'bold'], 'One whole backup cycle, proven.')}\n`);
  for (const [name, text] of lines) run.steps.say(`  ${style('dim', name.padEnd(10))} ${text}`);
  run.steps.say('');
}

function readableTime(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}
