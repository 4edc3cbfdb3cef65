/** Writes a warning to stderr. */
export function warn(text: string): void {
  console.error(`pgstow: warning: ${text}`);
}
