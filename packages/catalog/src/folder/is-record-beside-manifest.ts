/** Whether a file has the name of a receipt, a restore test or an acceptance: the records that the dump worker does not write. */
export function isRecordBesideManifest(file: string): boolean {
  return /\.(?:receipt|restore-test|accepted)\.json$/.test(file);
}
