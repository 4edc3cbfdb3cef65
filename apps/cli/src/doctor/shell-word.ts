/** A name as one word of a shell's command line, whatever is in it. */
export function shellWord(name: string): string {
  return /^[\w.:/=+-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
