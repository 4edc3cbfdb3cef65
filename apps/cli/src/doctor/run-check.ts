import { setTimeout as delay } from 'node:timers/promises';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { findingOf, type Check, type Finding, type Settings } from './check.ts';
import { UnknownFactError, type Facts } from './facts.ts';

/**
 * Runs a check within its time limit. An error or a timeout becomes a finding, after those that were found before it.
 *
 * @throws the signal's reason, and nothing else
 */
export async function runCheck(
  { name, needs, run, ...check }: Check,
  settings: Settings,
  facts: Facts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const faulty = needs.find((subject) => !(subject in settings));
  if (faulty !== undefined) {
    return [findingOf(name).skipped(`not checked, because the configuration has a fault (${subjects[faulty].title})`)];
  }
  const timeoutMs = typeof check.timeoutMs === 'number' ? check.timeoutMs : check.timeoutMs(settings as never);
  const findings: Finding[] = [];
  const ended = new AbortController();
  const collect = async (): Promise<void> => {
    const either = AbortSignal.any([signal, ended.signal]);
    for await (const finding of run(settings as never, facts, either)) findings.push(finding);
  };
  const tooLate = delay(timeoutMs, 'late' as const, { signal: AbortSignal.any([signal, ended.signal]) });
  try {
    const collected = collect();
    // After a timeout, nothing waits for its error.
    collected.catch(() => undefined);
    if ((await Promise.race([collected, tooLate])) === 'late') {
      findings.push(
        findingOf(name).fault(
          `the check did not end within ${timeoutMs / 1000} s: something takes connections and does not answer`,
          'See the findings before this one, and look at the load and the log of what is checked.',
        ),
      );
    }
  } catch (error) {
    signal.throwIfAborted();
    findings.push(
      error instanceof UnknownFactError ? findingOf(name).skipped(error.message) : findingOf(name).failed(error),
    );
  } finally {
    ended.abort();
    tooLate.catch(() => undefined);
  }
  return findings;
}
