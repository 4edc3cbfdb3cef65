import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeAcceptance } from '@pgstow/catalog/folder/write-record.ts';
import { badTestOf, newestSuspect } from '@pgstow/catalog/policy/retention-policy.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { acceptanceFileName } from '@pgstow/shared/contract/acceptance.ts';
import { writeForWorkers } from './write-for-workers.ts';

/** Makes a suspect dump count, and says why it was suspect. @throws ExitError if its record cannot be written */
export async function acceptSuspect(folder: string, dump: KnownDump, reason: string | undefined): Promise<void> {
  const { name, sha256 } = dump.manifest;
  const acceptedAt = new Date().toISOString();
  const write = (): Promise<void> => writeAcceptance(folder, { version: 1, name, sha256, acceptedAt, reason });
  await writeForWorkers(folder, name, acceptanceFileName(name), dump.acceptance === undefined ? write : undefined);
  console.log(
    dump.acceptance === undefined
      ? `accepted ${name}: ${whySuspect(dump) ?? ''}`
      : `${name} is accepted already, since ${dump.acceptance.acceptedAt}`,
  );
}

/** Prints what accepting the dump does not change. @param ours dumps of the database, oldest first */
export function printAfterSuspect(dump: KnownDump, ours: readonly KnownDump[]): void {
  const { name, database } = dump.manifest;
  const bad = badTestOf(dump);
  if (bad !== undefined) {
    console.log(`It still does not count: its restore test from ${bad.destination} is bad.`);
    if (bad.findings !== undefined)
      console.log(`If what that found is no fault, accept it as well: pgstow accept ${name} --reason '…'`);
  }
  const newest = newestSuspect(ours, new Date());
  if (newest === undefined || newest === dump) {
    if (bad !== undefined) return;
    console.log(`Old dumps of ${database} are deleted again after its next dump.`);
  } else console.log(`${newest.manifest.name} is newer than ${name} and is still suspect: accept it as well.`);
}
