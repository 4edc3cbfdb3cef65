/** Replaces secrets in a text. */
export type Redact = (text: string) => string;

/** Values of secrets, and anything in the form of a password in a URL, become `[redacted]`. */
export function createRedact(secrets: readonly string[]): Redact {
  // Longest first, so that a secret that contains another is replaced whole. A secret of one or two characters would
  // be found in every line, and hide nothing.
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length > 2)
    .sort((a, b) => b.length - a.length);
  // One pass for all: the replacement of one secret is not searched for the next.
  const anyForm = new RegExp(forms.map(escapePattern).join('|') || '(?!)', 'g');
  return (text) => {
    const clean = text.replaceAll(anyForm, '[redacted]');
    return clean.replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi, '$1[redacted]@');
  };
}

/** Secrets that are kept out of texts, with those that become known while the process runs. */
export class GrowingRedact {
  readonly #secrets: Set<string>;
  #redact: Redact;

  constructor(secrets: readonly string[]) {
    this.#secrets = new Set(secrets);
    this.#redact = createRedact(secrets);
  }

  readonly redact: Redact = (text) => this.#redact(text);

  add(secrets: readonly string[]): void {
    if (secrets.every((secret) => this.#secrets.has(secret))) return;
    for (const secret of secrets) this.#secrets.add(secret);
    this.#redact = createRedact([...this.#secrets]);
  }
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/** A secret as it is, as JSON writes it, and as a URL writes it. */
function formsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())];
}
