/** The part of a record's name that is its dump's, if it has one. */
export function dumpOf(file: string): string {
  return file.slice(0, file.indexOf('.sql.gz') + '.sql.gz'.length);
}

/** Whether a file has the name of a receipt, a restore test or an acceptance: the records that the dump worker does not write. */
export function isRecordBesideManifest(file: string): boolean {
  return /\.(?:receipt|restore-test|accepted)\.json$/.test(file);
}
