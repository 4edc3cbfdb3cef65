import { clientFactsOf } from './postgres-error.ts';
import type { PsqlSession } from './psql-session.ts';

/** Databases that nearly every server has. */
const COMMON = ['postgres', 'template1'];
/** More of them would not help. */
const MOST = 5;

/**
 * Opens a session with the first database that lets us in: what all databases share can be asked in any of them.
 *
 * @param databases that may be there, the best first
 * @throws what the first database said, if none lets us in
 */
export async function openAnyDatabase(
  databases: readonly string[],
  connect: (database: string) => Promise<PsqlSession>,
  signal: AbortSignal,
): Promise<PsqlSession> {
  let fault: unknown;
  for (const database of new Set([...databases.slice(0, MOST), ...COMMON])) {
    try {
      return await connect(database);
    } catch (error) {
      signal.throwIfAborted();
      fault ??= error;
      if (!mayBeOfOneDatabase(error)) break;
    }
  }
  throw fault;
}

/** A server that is away or refuses the password does so for every database. Messages may be in any language; hints are ours. */
function mayBeOfOneDatabase(error: unknown): boolean {
  const facts = clientFactsOf(error);
  return facts === undefined || facts.isOfDatabase === true;
}
