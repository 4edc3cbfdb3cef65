import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import type { Clients } from '@pgstow/postgres/client-version.ts';
import { libpqEnvironment } from '@pgstow/postgres/libpq-environment.ts';
import { PsqlSession } from '@pgstow/postgres/psql-session.ts';
import type { RestoreTarget } from './restore-target.ts';
import { readServerIdentity } from './target-facts.ts';

/**
 * Whether the target is a database that is backed up from here. Servers are told apart by what they say of themselves, since
 * one may have many names; where the source does not answer, by host and port.
 *
 * @param session with the target's server
 */
export async function isConfiguredSource(
  session: PsqlSession,
  target: RestoreTarget,
  source: PostgresConfig,
  clients: Clients,
  signal: AbortSignal,
): Promise<boolean> {
  if (!source.databases.includes(target.database)) return false;
  if (target.isOnConfiguredServer || isSameAddress(target, source)) return true;
  let fault: unknown;
  for (const database of new Set([target.database, ...source.databases, 'postgres'])) {
    try {
      const env = libpqEnvironment(source, database, 'pgstow restore');
      await using theirs = await PsqlSession.start(clients, env, signal);
      return (await readServerIdentity(theirs)) === (await readServerIdentity(session));
    } catch (error) {
      signal.throwIfAborted();
      fault ??= error;
    }
  }
  const [reason] = (fault as Error).message.split('\n');
  console.error(`pgstow: warning: the configured source does not answer; it is taken for another server: ${reason}`);
  return false;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/i;

function isSameAddress(a: Pick<RestoreTarget, 'host' | 'port'>, b: Pick<RestoreTarget, 'host' | 'port'>): boolean {
  const isSameHost = a.host.toLowerCase() === b.host.toLowerCase() || (LOOPBACK.test(a.host) && LOOPBACK.test(b.host));
  return isSameHost && a.port === b.port;
}
