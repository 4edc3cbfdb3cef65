import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { libpqEnvironment } from '@pgstow/postgres/client/libpq-environment.ts';
import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { readServerFacts, type ServerFacts } from '@pgstow/postgres/facts/server-facts.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { isAsked } from '@pgstow/shared/config/targets-of.ts';
import type { RestoreTarget } from './restore-target.ts';

/** `unknown`, with the reason, where neither addresses nor servers answer the question. */
export type SourceVerdict = 'source' | 'other' | { readonly unknown: string };

/**
 * Judges whether the target is a database that is backed up from here. It asks the servers, because one server may have many
 * names.
 *
 * @param session with the target's server
 */
export async function judgeSource(
  session: PsqlSession,
  target: RestoreTarget,
  source: PostgresConfig,
  clients: Clients,
  signal: AbortSignal,
): Promise<SourceVerdict> {
  if (!isAsked(source, target.database)) return 'other';
  if (target.isOnConfiguredServer || isSameAddress(target, source)) return 'source';
  let fault: unknown;
  for (const database of new Set([target.database, ...source.databases, 'postgres'])) {
    try {
      const env = libpqEnvironment(source, database, 'pgstow restore');
      await using theirs = await PsqlSession.start(clients, env, signal);
      return isSameServer(await readServerFacts(theirs), await readServerFacts(session)) ? 'source' : 'other';
    } catch (error) {
      signal.throwIfAborted();
      fault ??= error;
    }
  }
  return { unknown: (fault as Error).message.split('\n')[0] ?? '' };
}

/** Servers that started in the same microsecond are one, unless their clusters' own numbers say otherwise. */
function isSameServer({ identity: a }: ServerFacts, { identity: b }: ServerFacts): boolean {
  const isOther = (a.systemIdentifier ?? b.systemIdentifier) !== (b.systemIdentifier ?? a.systemIdentifier);
  return a.startedAt === b.startedAt && !isOther;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/i;

function isSameAddress(a: Pick<RestoreTarget, 'host' | 'port'>, b: Pick<RestoreTarget, 'host' | 'port'>): boolean {
  const isSameHost = a.host.toLowerCase() === b.host.toLowerCase() || (LOOPBACK.test(a.host) && LOOPBACK.test(b.host));
  return isSameHost && a.port === b.port;
}
