import { separateAccepted, type AcceptedFindings } from '@pgstow/catalog/policy/findings-policy.ts';
import { listRefused } from '@pgstow/postgres/restore/list-refused.ts';
import { restoreDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { RestoreError } from '@pgstow/postgres/restore/restore-error.ts';
import { watchDisk } from '@pgstow/scratch/scratch-disk.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import { searchPathOf } from '@pgstow/shared/config/values/search-paths.ts';
import type { Rehearsal } from '@pgstow/shared/contract/restore-test.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { readFault } from '@pgstow/shared/runtime/errors.ts';
import { Deadline } from './deadline.ts';
import { prepareServer } from './prepare-server.ts';
import { readDumpFacts, type DumpFacts } from './read-dump-facts.ts';
import { compare } from './restore-and-compare.ts';
import { scratchFaultIn } from './restore-fault-policy.ts';
import type { RestoreStep } from './restore-step.ts';
import { runOwnChecks } from './run-own-checks.ts';
import { withMatchingServer } from './start-matching-server.ts';

/** Enough to see what is to be done before an upgrade. */
const SHOWN_FINDINGS = 100;

type Found = Pick<Rehearsal, 'serverVersion' | 'restoreMs'> & { readonly findings: readonly string[] };

/**
 * Restores a dump that was found good into the major version of VERIFY_REHEARSE, or of the job, if that is newer than the source's.
 * Nothing of it changes the verdict: what fails is a reason in the result.
 *
 * @param step whose deadline does not count meanwhile
 * @param accepted what a person has accepted is no finding here either
 * @throws the signal's reason alone
 */
export async function rehearseUpgrade(
  step: Omit<RestoreStep, 'deadline'>,
  accepted: AcceptedFindings,
): Promise<Rehearsal | undefined> {
  const { task, context, wanted, signal } = step;
  const { rehearseMajor, timeoutMs, diskBytes } = context.verify;
  const asked = task.data.rehearse;
  const major = asked ?? rehearseMajor;
  // A newer server runs the roles of an older one.
  if (major === undefined || wanted.manifest.database === GLOBALS) return undefined;
  using deadline = new Deadline(timeoutMs);
  using disk = watchDisk(step.scratch, diskBytes);
  const bounded = AbortSignal.any([signal, deadline.signal, disk.signal]);
  try {
    const facts = await readDumpFacts(wanted.manifest, step, bounded);
    if (major <= facts.major && asked === undefined) return undefined;
    if (major <= facts.major) throw new Error(`its source is of PostgreSQL ${facts.major} already`);
    task.note(`rehearsing the upgrade to PostgreSQL ${major}`);
    const { findings, ...rest } = await rehearse({ ...step, deadline, signal: bounded }, { ...facts, major }, accepted);
    const result = findings.length === 0 ? 'survives' : 'differs';
    return { major, result, findings: findings.slice(0, SHOWN_FINDINGS), findingCount: findings.length, ...rest };
  } catch (error) {
    signal.throwIfAborted();
    const reason = deadline.signal.aborted
      ? `it took more than ${timeoutMs / 1000} s (VERIFY_TIMEOUT)`
      : readFault(disk.signal.aborted ? disk.signal.reason : error).reason;
    return { major, result: 'not-made', reason, findings: [], findingCount: 0 };
  }
}

/** @param facts of the dump, with the major version that it is restored into */
async function rehearse(step: RestoreStep, facts: DumpFacts, accepted: AcceptedFindings): Promise<Found> {
  const { manifest } = step.wanted;
  const { searchPaths, checksFile: file } = step.context.verify;
  return withMatchingServer(step, facts, async (server, signal) => {
    const { clients, env, runAs, version: serverVersion } = server;
    const database = await prepareServer(server, manifest, facts);
    const target = { clients, env: env(database), runAs, tablespaces: [] };
    const options = {
      ...target,
      path: step.path,
      identityFile: step.identityFile,
      needs: manifest.needs,
      searchPath: searchPathOf(searchPaths, manifest.database),
      signal,
    };
    try {
      const { restoreMs, sequences } = await restoreDump(options);
      const { findings } = await compare(server, database, { manifest, sequences }, signal);
      const own = await runOwnChecks(server, { database, manifest, file, signal });
      const { standing } = separateAccepted([...findings, ...own.failed], accepted);
      const differences = standing.map(({ difference }) => difference);
      return { serverVersion, restoreMs, findings: [...differences, ...own.unchecked] };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RestoreError)) throw error;
      assertNoFaultOfServer(error, server);
      // The failed restore left it empty, and pg_cron can be created in this one alone.
      const refused = (await listRefused(options)).map(({ summary }) => summary);
      return { serverVersion, findings: refused.includes(error.summary) ? refused : [error.summary, ...refused] };
    }
  });
}

/** A server that lacks a library or memory says nothing of an upgrade. That it does not know a setting any more does. */
function assertNoFaultOfServer(error: RestoreError, server: ScratchServer): void {
  if (error.isBeforeDump) throw new Error(error.summary);
  if (/unrecognized configuration parameter/.test(error.message)) return;
  const fault = scratchFaultIn(error, { isLikeSource: !server.isOtherLocale, limitedBy: undefined });
  if (fault !== undefined) throw new Error(`${fault.why}: ${error.summary}`);
}
