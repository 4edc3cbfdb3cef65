import { readBech32 } from './bech32.ts';

/** The recipients of a setting, or why it has none, in words that show no secret. */
export type RecipientsReading = { readonly recipients: readonly string[]; readonly faults: readonly string[] };

/** Bytes of an X25519 key. */
const KEY_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/]{40,}={0,2}$/;
/** Beginnings of what is a key, and not the comment behind one. */
const IS_KEY = /^(?:age|ssh-|sk-|ecdsa-|-----)/i;

/**
 * Reads public keys with commas, spaces or line ends between them: `age1…`, and `ssh-ed25519 …` and `ssh-rsa …` with or without their
 * comment. What follows a `#` on a line is not read.
 */
export function readAgeRecipients(text: string): RecipientsReading {
  // Its lines are a secret each.
  if (/private key-/i.test(text))
    return { recipients: [], faults: ['holds an SSH private key; give the line of its .pub file instead'] };
  const recipients = new Set<string>();
  const faults: string[] = [];
  let position = 0;
  for (const entry of text.split('\n').flatMap((line) => line.replace(/(?:^|\s)#.*$/, '').split(','))) {
    const words = entry.split(/\s+/).filter((word) => word !== '');
    for (let at = 0; at < words.length; at += 1) {
      position += 1;
      const word = words[at] ?? '';
      const isSsh = /^ssh-(?:ed25519|rsa)$/.test(word);
      const fault = isSsh ? whyNoSshKey(words[at + 1]) : whyNoRecipient(word);
      if (fault !== undefined) faults.push(`number ${position} ${fault}`);
      else recipients.add(isSsh ? `${word} ${words[at + 1]}` : word);
      if (!isSsh) continue;
      if (!IS_KEY.test(words[at + 1] ?? '')) at += 1;
      while (at + 1 < words.length && !IS_KEY.test(words[at + 1] ?? '')) at += 1;
    }
  }
  return { recipients: [...recipients], faults };
}

/** Whether a text holds a secret key. */
export function holdsSecretKey(text: string): boolean {
  return /secret-key|private key/i.test(text);
}

function whyNoSshKey(key: string | undefined): string | undefined {
  if (key !== undefined && BASE64.test(key)) return undefined;
  return 'is an SSH key whose second part is missing or damaged; give the whole line of the .pub file';
}

function whyNoRecipient(word: string): string | undefined {
  if (holdsSecretKey(word))
    return 'is a secret key (an identity), which must not be on the backup host; give its public key, age1…, which `age-keygen -y` shows';
  if (/^age1/i.test(word)) {
    const read = readBech32(word);
    // A plugin's key is named age1NAME, and has any length.
    const isWhole = read !== undefined && (read.name === 'age' ? read.bytes === KEY_BYTES : /^age1./.test(read.name));
    if (isWhole && word === word.toLowerCase()) return undefined;
    return `(${shorten(word)}) looks like a key of age, and is not whole: a character is missing or another one`;
  }
  if (/^(?:ecdsa|sk)-/.test(word))
    return `(${shorten(word)}) is an SSH key of a kind that age does not know; ssh-ed25519 and ssh-rsa it does`;
  return `(${shorten(word)}) is no public key: expected age1…, ssh-ed25519 … or ssh-rsa …`;
}

/** Shows enough to find it, and not enough to be a secret. */
function shorten(word: string): string {
  return word.length <= 8 ? word : `${word.slice(0, 8)}…`;
}
