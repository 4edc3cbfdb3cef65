import { separateAccepted, type AcceptedFindings } from '@pgstow/catalog/policy/findings-policy.ts';
import { listRefused } from '@pgstow/postgres/restore/list-refused.ts';
import { restoreDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { RestoreError } from '@pgstow/postgres/restore/restore-error.ts';
import { watchDisk } from '@pgstow/scratch/scratch-disk.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Rehearsal } from '@pgstow/shared/contract/restore-test.ts';
import { readFault } from '@pgstow/shared/runtime/errors.ts';
import { Deadline } from './deadline.ts';
import { prepareServer } from './prepare-server.ts';
import { readAbout, type AboutDump } from './read-about.ts';
import { compare, reasonOf } from './restore-and-compare.ts';
import { scratchFaultIn } from './restore-fault-policy.ts';
import type { RestoreStep } from './restore-step.ts';
import { runOwnChecks } from './run-own-checks.ts';
import { startMatchingServer } from './start-matching-server.ts';

/** Enough to see what is to be done before an upgrade. */
const SHOWN_FINDINGS = 100;

type RehearsalStep = RestoreStep & { readonly accepted: AcceptedFindings };
type Found = Pick<Rehearsal, 'serverVersion' | 'restoreMs'> & { readonly findings: readonly string[] };

/**
 * Restores a dump that was found good into the major version of VERIFY_REHEARSE, if that is newer than the source's. Nothing of it
 * changes the verdict: what fails is a reason in the result.
 *
 * @param step whose deadline does not count meanwhile
 * @param accepted what a person has accepted is no finding here either
 * @throws the signal's reason alone
 */
export async function rehearseUpgrade(
  step: Omit<RestoreStep, 'deadline'>,
  accepted: AcceptedFindings,
): Promise<Rehearsal | undefined> {
  const { task, context, wanted, path, signal } = step;
  const { rehearseMajor: major, timeoutMs, diskBytes } = context.verify;
  if (major === undefined) return undefined;
  using deadline = new Deadline(timeoutMs);
  using disk = watchDisk(step.scratch, diskBytes);
  const bounded = AbortSignal.any([signal, deadline.signal, disk.signal]);
  try {
    const about = await readAbout(wanted.manifest, path, bounded);
    if (major <= about.major) return undefined;
    task.note(`rehearsing the upgrade to PostgreSQL ${major}`);
    const { findings, ...rest } = await rehearse({ ...step, deadline, signal: bounded, accepted }, { ...about, major });
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

async function rehearse(step: RehearsalStep, about: AboutDump): Promise<Found> {
  await using server = await startMatchingServer(step, about);
  try {
    return { serverVersion: server.version, ...(await rehearseIn(server, step, about)) };
  } catch (error) {
    throw await reasonOf(error, server);
  }
}

async function rehearseIn(
  server: ScratchServer,
  { context, wanted, path, accepted, signal }: RehearsalStep,
  about: AboutDump,
): Promise<Found> {
  const { manifest } = wanted;
  const { clients, env, runAs } = server;
  const running = AbortSignal.any([signal, server.signal]);
  const database = await prepareServer(server, manifest, about);
  const { searchPath } = context.verify;
  const options = { clients, path, needs: manifest.needs, searchPath, runAs, tablespaces: [], signal: running };
  try {
    const { restoreMs, sequences } = await restoreDump({ ...options, env: env(database) });
    const { findings } = await compare(server, database, { manifest, sequences }, running);
    const own = await runOwnChecks(server, { database, manifest, file: context.verify.checksFile, signal: running });
    const { standing } = separateAccepted([...findings, ...own.failed], accepted);
    return { restoreMs, findings: standing.map(({ difference }) => difference).concat(own.unchecked) };
  } catch (error) {
    running.throwIfAborted();
    if (!(error instanceof RestoreError)) throw error;
    assertNoFaultOfServer(error, server);
    // The failed restore left it empty, and pg_cron can be created in this one alone.
    const refused = await listRefused({ ...options, env: env(database) });
    const summaries = refused.map(({ summary }) => summary);
    return { findings: summaries.includes(error.summary) ? summaries : [error.summary, ...summaries] };
  }
}

/** A server that lacks a library or memory says nothing of an upgrade. That it does not know a setting any more does. */
function assertNoFaultOfServer(error: RestoreError, server: ScratchServer): void {
  if (error.isBeforeDump) throw new Error(error.summary);
  if (/unrecognized configuration parameter/.test(error.message)) return;
  const fault = scratchFaultIn(error, { isLikeSource: !server.isOtherLocale, limitedBy: undefined });
  if (fault !== undefined) throw new Error(`${fault.why}: ${error.summary}`);
}
