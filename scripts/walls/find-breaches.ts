import type { Source } from './read-imports.ts';
import { isIn, roomOf, type Rooms } from './read-rooms.ts';

/** They look at no clock, disk or network. cron-parser is always given the time. */
const PURE_MODULES: readonly string[] = ['zod', 'cron-parser', 'pretty-bytes', 'pretty-ms'];
const PURE_ROOMS: readonly string[] = ['shared/contract', 'catalog/policy'];
const PURE_NAME = /-(?:policy|plan|name|key)\.ts$/;
const MEANINGLESS_NAME = /[-/](?:utils?|helpers?|managers?|services?|common|misc)\.ts$/;

/**
 * Finds what breaks a wall, a sentence each.
 *
 * @param sources production code by path from the root of the repository
 */
export function findBreaches(sources: ReadonlyMap<string, Source>, rooms: Rooms): readonly string[] {
  const empty = [...rooms.keys()].filter((room) => ![...sources.keys()].some((file) => isIn(file, room)));
  return [
    ...empty.map((room) => `docs/layers.md names ${room}, where no file lies`),
    ...findUnused(sources, rooms),
    ...[...sources].flatMap(([file, { imports }]) => [
      ...(MEANINGLESS_NAME.test(file) ? [`${file} has a name that says nothing`] : []),
      ...imports.flatMap(({ target, isEscape }) => judgeImport(file, target, isEscape, rooms)),
      ...(isPure(file) ? findEffects([file], sources, new Set()) : []),
    ]),
  ];
}

function judgeImport(file: string, target: string, isEscape: boolean, rooms: Rooms): readonly string[] {
  if (isEscape) return [`${file} leaves its package by a relative path: ${target}`];
  const room = roomOf(file, rooms);
  const allowed = rooms.get(room ?? '');
  if (room === undefined || allowed === undefined) return [`${file} lies in no room of docs/layers.md`];
  if (target.startsWith('node:') && !PURE_ROOMS.includes(room)) return [];
  const isAllowed = [room, ...allowed.rooms, ...allowed.modules].some((each) => isOf(target, each, rooms));
  return isAllowed ? [] : [`${file} imports ${target}, which ${room} may not`];
}

/** Whether an import is of a room or of a module. */
function isOf(target: string, entry: string, rooms: Rooms): boolean {
  if (!/^(?:apps|packages)\//.test(target)) return entry === target || target.startsWith(`${entry}/`);
  return rooms.has(entry) ? roomOf(target, rooms) === entry : isIn(target, entry);
}

/** Finds what a room may import and does not. */
function findUnused(sources: ReadonlyMap<string, Source>, rooms: Rooms): readonly string[] {
  return [...rooms].flatMap(([room, allowed]) => {
    const targets = [...sources].flatMap(([file, { imports }]) =>
      roomOf(file, rooms) === room ? imports.map(({ target }) => target) : [],
    );
    return [...allowed.rooms, ...allowed.modules]
      .filter((entry) => !targets.some((target) => isOf(target, entry, rooms)))
      .map((entry) => `docs/layers.md lets ${room} import ${entry}, which it does not`);
  });
}

function isPure(file: string): boolean {
  return PURE_NAME.test(file) || PURE_ROOMS.some((room) => isIn(file, room));
}

/** @param path from the pure file to one that it loads */
function findEffects(
  path: readonly string[],
  sources: ReadonlyMap<string, Source>,
  seen: Set<string>,
): readonly string[] {
  const last = path.at(-1) ?? '';
  if (seen.has(last)) return [];
  seen.add(last);
  const source = sources.get(last);
  if (source === undefined)
    return PURE_MODULES.includes(last) ? [] : [`${path[0]} is to be pure, and loads ${path.slice(1).join(' > ')}`];
  return [
    ...source.effects.map((effect) => `${path[0]} is to be pure, and has ${[...path.slice(1), effect].join(' > ')}`),
    ...source.imports
      .filter(({ isType }) => !isType)
      .flatMap(({ target }) => findEffects([...path, target], sources, seen)),
  ];
}
