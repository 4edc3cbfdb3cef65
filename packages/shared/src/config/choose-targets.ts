import { describeTarget, GLOBALS } from '../contract/target.ts';

/**
 * The targets that a person named, or all of them if none was named. `globals` names the globals, unless a database has that name.
 *
 * @throws Error if one is not configured; it names those that are
 */
export function chooseTargets(named: readonly string[], targets: readonly string[]): readonly string[] {
  const chosen = named.map((name) => (name === describeTarget(GLOBALS) && !targets.includes(name) ? GLOBALS : name));
  const unknown = chosen.filter((name) => !targets.includes(name));
  if (unknown.length === 0) return named.length > 0 ? [...new Set(chosen)] : targets;
  const list = (names: readonly string[]): string =>
    names.map((name) => JSON.stringify(describeTarget(name))).join(', ');
  throw new Error(`expected a configured database (${list(targets)}), got ${list(unknown)}`);
}
