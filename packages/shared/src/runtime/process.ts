import { readConfig, ConfigError, type ConfigReading } from '../config/read-config.ts';
import { subjects as known } from '../config/subjects.ts';
import { runtime } from '../config/subjects/runtime.ts';
import { tracing } from '../config/subjects/tracing.ts';
import type { TargetsReading } from '../config/targets/read-targets.ts';
import { startTracing } from '../tracing/tracing.ts';
import { describeError } from './errors.ts';
import { giveMemoryBack } from './give-memory-back.ts';
import { createLog, type Log } from './log/log.ts';
import { GrowingRedact, type Redact } from './log/redact.ts';

type Subjects = Parameters<typeof readConfig>[1];
/** Subjects of every process's configuration, with its own. */
type Always<S extends Subjects> = S & { readonly runtime: typeof runtime; readonly tracing: typeof tracing };

export type ProcessContext<S extends Subjects> = {
  readonly config: ConfigReading<Always<S>>['config'];
  readonly log: Log;
  readonly redact: Redact;
  /** Reads the servers in the text of TARGETS_FILE, and keeps their secrets out of all that `redact` passes. */
  readonly readServers: (text: string) => Promise<TargetsReading<Always<S>>>;
  /** Released in reverse order when the process ends. */
  readonly stack: AsyncDisposableStack;
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
};

/**
 * The life of any of our processes: read the configuration, start, wait for SIGTERM or SIGINT, release all in reverse
 * order. Exits 1 if the configuration has faults, the start fails or something cannot be released.
 */
export async function runProcess<const S extends Subjects>(
  name: string,
  subjects: S,
  start: (context: ProcessContext<S>) => Promise<void>,
): Promise<void> {
  const ended = new AbortController();
  const end = (signal: NodeJS.Signals): void => ended.abort(signal);
  process.on('SIGTERM', end).on('SIGINT', end);

  let reading: ConfigReading<Always<S>>;
  try {
    reading = readConfig(process.env, { ...subjects, runtime, tracing }, Object.values(known));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${name}: ${error.message}\nSee docs/configuration.md.\n`);
    process.exitCode = 1;
    return;
  }
  const redacting = new GrowingRedact(reading.secrets);
  const { redact } = redacting;
  const log = createLog(name, reading.config.runtime.logLevel, redact, await formatOf(process.stdout));
  for (const warning of reading.warnings) log.warn(warning);

  try {
    await using stack = new AsyncDisposableStack();
    stack.use(await startTracing({ config: reading.config.tracing, service: `pgstow-${name}`, log, redact }));
    const signalled = new Promise((resolve) => ended.signal.addEventListener('abort', resolve, { once: true }));
    const readServers = async (text: string): Promise<TargetsReading<Always<S>>> => {
      // Most processes have no such file, and load nothing for it.
      const { readTargets } = await import('../config/targets/read-targets.ts');
      const { TARGETS_FILE: file = '' } = process.env;
      const servers = readTargets(file, text, process.env, { ...subjects, runtime, tracing });
      redacting.add(servers.secrets);
      return servers;
    };
    const started = start({ config: reading.config, log, redact, readServers, stack, signal: ended.signal });
    // A signal ends the wait for a start that hangs, for instance on a Redis that is away: then its fault does not matter.
    started.catch(() => undefined);
    await Promise.race([started, signalled]);
    stack.use(giveMemoryBack());
    if (!ended.signal.aborted) log.info('ready');
    await signalled;
    log.info({ signal: ended.signal.reason as unknown }, 'stopping');
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${name}: ${redact(error.message)}\nSee docs/servers.md.\n`);
    else
      log.fatal(
        { err: describeError(error), stack: error instanceof Error ? error.stack : undefined },
        `${name} ends because of an error`,
      );
    process.exitCode = 1;
  } finally {
    process.off('SIGTERM', end).off('SIGINT', end);
    log.info('stopped');
    endInAnyCase();
  }
}

/** Lines for people on a terminal. Elsewhere nothing is loaded for them. */
async function formatOf(out: NodeJS.WriteStream): Promise<(line: string) => string> {
  if (!out.isTTY) return (line) => line;
  const { forPeople } = await import('./log/log-for-people.ts');
  return forPeople({ hasColors: out.hasColors() });
}

/** Ends the process even if a library left a timer behind, as BullMQ does with Redis away. All is released by now. */
function endInAnyCase(): void {
  // oxlint-disable-next-line unicorn/no-process-exit -- with the exit code that was set, and nothing left to release
  setTimeout(() => process.exit(), 1000).unref();
}
