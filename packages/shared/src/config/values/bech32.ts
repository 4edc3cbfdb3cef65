const CHARACTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b_6a_57_b2, 0x26_50_8e_6d, 0x1e_a1_19_fa, 0x3d_42_33_dd, 0x2a_14_62_b3] as const;
const CHECKSUM_CHARACTERS = 6;

/**
 * Reads the name before the last `1` and the number of bytes behind it; `undefined` if the text is no Bech32 or its checksum differs, as
 * after a slip of the pen.
 * Source: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki; age has no limit of length
 */
export function readBech32(text: string): { readonly name: string; readonly bytes: number } | undefined {
  // Lower and upper case must not be mixed.
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) return undefined;
  const lower = text.toLowerCase();
  const border = lower.lastIndexOf('1');
  const name = lower.slice(0, border);
  const values = Array.from(lower.slice(border + 1), (character) => CHARACTERS.indexOf(character));
  if (border < 1 || values.length < CHECKSUM_CHARACTERS || values.includes(-1)) return undefined;
  const codes = Array.from(name, (character) => character.charCodeAt(0));
  const all = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...values];
  if (all.reduce(step, 1) !== 1) return undefined;
  return { name, bytes: Math.floor(((values.length - CHECKSUM_CHARACTERS) * 5) / 8) };
}

function step(checksum: number, value: number): number {
  const top = checksum >>> 25;
  const shifted = ((checksum & 0x1_ff_ff_ff) << 5) ^ value;
  return GENERATOR.reduce((sum, factor, bit) => ((top >> bit) & 1 ? sum ^ factor : sum), shifted);
}
