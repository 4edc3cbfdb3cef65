/** Whether a file is called like a record that others than the dump worker write of a dump: a receipt or a restore test. */
export function isRecordBesideManifest(file: string): boolean {
  return /\.(?:receipt|restore-test)\.json$/.test(file);
}
