/** The beginning of an age file, which is not encrypted. */
export type AgeHeader = {
  /** Number of keys that it is encrypted to. */
  readonly recipients: number;
  /** Its size, up to where the ciphertext begins. */
  readonly bytes: number;
};

/** A header of 2,000 recipients fits. */
export const LONGEST_HEADER = 256 * 1024;

const VERSION = 'age-encryption.org/v1\n';
const END = /^--- [A-Za-z0-9+/]{43}\n/m;
const CHUNK_BYTES = 64 * 1024;
/** A nonce before the first chunk, and a tag behind each. */
const NONCE_BYTES = 16;
const TAG_BYTES = 16;

/**
 * Reads the header; `undefined` if there is none that is whole.
 * Source: https://github.com/C2SP/C2SP/blob/main/age.md
 *
 * @param beginning of the file, `LONGEST_HEADER` bytes of it or all
 */
export function readAgeHeader(beginning: Buffer): AgeHeader | undefined {
  const text = beginning.toString('latin1');
  if (!text.startsWith(VERSION)) return undefined;
  const end = END.exec(text);
  if (end === null) return undefined;
  const stanzas = text.slice(VERSION.length, end.index);
  // Some programs add a stanza for nobody, so that readers learn to pass over what they do not know.
  const recipients = [...stanzas.matchAll(/^-> (\S+)/gm)].filter(([, type = '']) => !type.endsWith('-grease')).length;
  return recipients === 0 ? undefined : { recipients, bytes: end.index + end[0].length };
}

/** Size that an age file has: each chunk of 64 KiB has a tag, and only the last may be shorter. */
export function ciphertextBytes(header: AgeHeader, plainBytes: number): number {
  const chunks = Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
  return header.bytes + NONCE_BYTES + plainBytes + chunks * TAG_BYTES;
}
