/** Quotes a name as one word of a shell's command line. */
export function shellWord(name: string): string {
  return /^[\w.:/=+-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
