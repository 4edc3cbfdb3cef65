/** The part of a record's name that is its dump's, if it has one. */
export function dumpOf(file: string): string {
  return /^.*?\.sql\.gz(?:\.age(?![a-z0-9-]))?/.exec(file)?.[0] ?? '';
}

/** Whether a file has the name of a receipt, a restore test, an acceptance, a pin or an encrypted manifest. They go once their dump is gone. */
export function isRecordBesideManifest(file: string): boolean {
  return /\.(?:receipt|restore-test|accepted|pinned)\.json$|\.manifest\.json\.age$/.test(file);
}
