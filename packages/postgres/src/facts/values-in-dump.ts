import type { PsqlSession } from '../client/psql-session.ts';
import { listSequences } from './database-facts.ts';
import { plainName } from './plain-name.ts';

/** The arguments with which a dump calls `setval`, by the SQL names of the sequences in it. */
export type SequencesInDump = ReadonlyMap<string, { readonly value: string; readonly isCalled: boolean }>;

/** Finds out which value each sequence would hand out next by the dump's own text, by the sequence's plain name. */
export async function nextValuesInDump(
  session: PsqlSession,
  inDump: SequencesInDump,
): Promise<ReadonlyMap<string, string>> {
  if (inDump.size === 0) return new Map();
  const increments = new Map((await listSequences(session)).map(([name, by]) => [plainName(name), BigInt(by)]));
  return new Map(
    Array.from(inDump, ([name, { value, isCalled }]) => {
      const plain = plainName(name);
      return [plain, String(BigInt(value) + (isCalled ? (increments.get(plain) ?? 1n) : 0n))];
    }),
  );
}
