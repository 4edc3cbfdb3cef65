/** A room by its path, `shared/contract`, and what its files may import. */
export type Rooms = ReadonlyMap<string, { readonly rooms: readonly string[]; readonly modules: readonly string[] }>;

/** Reads the table of docs/layers.md: rooms stand in backticks, and packages without. */
export function readRooms(page: string): Rooms {
  const rows = page.matchAll(/^\| `([^`]+)` +\| (.*?) *\|$/gm);
  return new Map(
    [...rows].map(([, room = '', allowed = '']) => [
      room,
      {
        rooms: [...allowed.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
        modules: allowed.replaceAll(/`[^`]+`/g, '').match(/[^\s,;]+/g) ?? [],
      },
    ]),
  );
}

/** The path that a file has in the table: `packages/store/src/store.ts` is `store/store.ts`. */
export function toRoomPath(file: string): string {
  return file.replace(/^packages\//, '').replace('/src/', '/');
}

/** The row that says most of a file, or `undefined` if none does. */
export function roomOf(file: string, rooms: Rooms): string | undefined {
  return [...rooms.keys()].filter((room) => isIn(file, room)).sort((a, b) => b.length - a.length)[0];
}

export function isIn(file: string, room: string): boolean {
  return `${toRoomPath(file)}/`.startsWith(`${room}/`);
}
