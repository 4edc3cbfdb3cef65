import type { PostgresConfig } from './subjects/postgres.ts';

/**
 * The targets that a person named, or all configured ones if none was named.
 *
 * @throws Error if one is not configured; it names those that are
 */
export function chooseTargets(named: readonly string[], { databases }: PostgresConfig): readonly string[] {
  const unknown = named.filter((name) => !databases.includes(name));
  if (unknown.length === 0) return named.length > 0 ? [...new Set(named)] : databases;
  const list = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');
  throw new Error(`expected a configured database (${list(databases)}), got ${list(unknown)}`);
}
