/** A dump is not what its manifest says, or does not restore. */
export class BadDumpError extends Error {
  override readonly name = 'BadDumpError';
}
