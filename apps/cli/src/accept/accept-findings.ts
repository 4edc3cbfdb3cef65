import type { FolderContents, KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { readFindingsAcceptances } from '@pgstow/catalog/folder/read-records.ts';
import { Records } from '@pgstow/catalog/folder/records.ts';
import { writeFindingsAcceptance } from '@pgstow/catalog/folder/write-record.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { badTestOf, whyFrozen } from '@pgstow/catalog/policy/retention-policy.ts';
import { findingsAcceptanceFileName, type FindingsAcceptance } from '@pgstow/shared/contract/findings-acceptance.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { exitCodes, ExitError, failure, misuse } from '../exit-codes.ts';
import { writeForWorkers } from './write-for-workers.ts';

/**
 * Accepts what restore tests found otherwise in a dump, and says what that was.
 *
 * @throws ExitError 3 if no test of it found what can be accepted, 2 without a reason
 */
export async function acceptFindings(folder: string, dump: KnownDump, reason = ''): Promise<void> {
  const { name, database, identity } = dump.manifest;
  const bad = [...dump.restoreTests.values()].filter(({ result }) => result === 'bad');
  const acceptable = bad.filter((test) => whyRefused(test) === undefined);
  const refused = bad.map(whyRefused).find((refusal) => refusal !== undefined);
  if (acceptable.length === 0 && refused !== undefined) throw refused;
  const said = reason.replaceAll(/\s+/g, ' ').trim();
  if (said === '')
    throw misuse(
      `a restore test found ${name} bad, and accepting that needs a reason`,
      `Say why it is no fault: pgstow accept ${name} --reason '…'`,
    );
  // Two tests, of two copies, find the same.
  const findings = new Map(
    acceptable.flatMap(({ findings = [], differences }) =>
      findings.map((key, index) => [key, { key, difference: differences[index] }] as const),
    ),
  );
  const file = findingsAcceptanceFileName(name);
  const word = { acceptedAt: new Date().toISOString(), reason: said, findings: [...findings.values()] };
  const words = [...(await readWords(folder, file)), word];
  await writeForWorkers(folder, name, file, () =>
    writeFindingsAcceptance(folder, { version: 1, name, identity, words }),
  );
  const named = [...findings.values()].flatMap(({ difference }) => difference ?? []);
  console.log(`accepted of ${name}, and of each dump of ${database} in which it is the same:`);
  for (const difference of named) console.log(`  ${difference}`);
  if (findings.size > named.length) console.log(`  and ${findings.size - named.length} more`);
}

/** Reads what was accepted of a dump before. @throws ExitError if that cannot be read, and would be lost */
async function readWords(folder: string, file: string): Promise<FindingsAcceptance['words']> {
  const unreadable: string[] = [];
  const [known] = readFindingsAcceptances(new Records(folder), [file], unreadable);
  if (unreadable.length === 0) return known?.words ?? [];
  throw failure(`${file} cannot be read, and may hold what was accepted before`, 'Mend it, or move it away.');
}

/** Prints what follows from it. @param contents of the folder as it is now */
export function printAfterFindings(
  { name, database }: Pick<Manifest, 'name' | 'database'>,
  { dumps, damaged }: Pick<FolderContents, 'dumps' | 'damaged'>,
): void {
  const ours = dumpsOf(database, dumps);
  const now = ours.find(({ manifest }) => manifest.name === name);
  const bad = now && badTestOf(now);
  if (bad !== undefined)
    console.log(`It still does not count: its restore test from ${bad.destination} is bad: ${bad.reason ?? ''}`);
  const frozen = whyFrozen(ours, new Date(), damaged.get(database));
  if (frozen === undefined) console.log(`Old dumps of ${database} are deleted again after its next dump.`);
  else if (bad === undefined) console.log(`Still, ${frozen.reason}.`);
}

/** Why what a bad test found cannot be accepted; `undefined` if it can. */
function whyRefused({ name, destination, reason, findings, differenceCount }: RestoreTest): ExitError | undefined {
  const refuse = (why: string, hint: string): ExitError =>
    new ExitError(exitCodes.refused, `${name} at ${destination} cannot be accepted: ${why}`, hint);
  if (findings === undefined && differenceCount === 0)
    return refuse(
      `${reason ?? 'it is damaged'}; no word makes it whole`,
      'Take a new dump, and see docs/restore-tests.md for what to look at.',
    );
  if (findings === undefined)
    return refuse(
      'an earlier version tested it, which recorded what differs in words alone',
      `Test it anew, and accept it then: pgstow verify ${name} --from ${destination} --wait`,
    );
  if (findings.length < differenceCount)
    return refuse(
      `it has ${differenceCount.toLocaleString('en')} differences, and at most ${findings.length.toLocaleString('en')} can be accepted`,
      'So many have one cause: see docs/restore-tests.md for what to look at.',
    );
  return undefined;
}
