/** Whether a file is called like a record that others than the dump worker write of a dump: a receipt, a restore test or an acceptance. */
export function isRecordBesideManifest(file: string): boolean {
  return /\.(?:receipt|restore-test|accepted)\.json$/.test(file);
}
