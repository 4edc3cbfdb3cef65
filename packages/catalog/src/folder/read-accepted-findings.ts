import { readdir } from 'node:fs/promises';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { acceptedFindingsOf, type AcceptedFindings } from '../policy/findings-policy.ts';
import { readAcceptance, readFindingsAcceptances } from './read-records.ts';
import { Records } from './records.ts';

/**
 * Reads which findings a person has accepted of the database that a dump is of. The dump itself need not be in the folder.
 *
 * @throws if the folder cannot be read
 */
export async function readAcceptedFindings(folder: string, manifest: Manifest): Promise<AcceptedFindings> {
  const files = await readdir(folder);
  const records = new Records(folder);
  const acceptance = readAcceptance(records, manifest, files, []);
  return acceptedFindingsOf({ manifest, acceptance }, readFindingsAcceptances(records, files, []));
}
