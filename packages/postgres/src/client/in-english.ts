import { readFileSync } from 'node:fs';

/**
 * Translations of the messages that this project reads, by their English formats.
 * Source: src/backend/po of PostgreSQL 15, 17 and 18 (https://www.postgresql.org/about/licence/)
 */
const FILE = new URL('translated-messages.json', import.meta.url);

type Translated = { readonly english: string; readonly form: RegExp };

let known: readonly Translated[] | undefined;

/**
 * Adds the English to messages of a server that speaks another language. Before a role has logged in, and for a role that is no
 * superuser ever after, the server alone chooses the language, and clients print no SQL state of such messages. A value in a
 * message stays a placeholder: `role "%s" does not exist`.
 *
 * @param said a client's words: each message of the server follows a severity, a colon and two spaces
 */
export function inEnglish(said: string): string {
  known ??= readTranslations();
  const found = known.filter(({ form }) => form.test(said)).map(({ english }) => english);
  return [said, ...new Set(found)].join('\n');
}

function readTranslations(): readonly Translated[] {
  const all = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, readonly string[]>;
  return Object.entries(all).flatMap(([english, translations]) =>
    translations.map((translation) => ({ english, form: formOf(translation) })),
  );
}

/** A value may hold anything, line ends included; a letter of Latin-1 or the like may have been lost on the way. */
function formOf(translation: string): RegExp {
  const source = translation
    .split(/%(?:\d+\$)?[a-z]/)
    .map((part) =>
      part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`).replaceAll(/[\u00A0-\u024F]/g, String.raw`[$&\uFFFD?]`),
    )
    .join('[^]*?');
  return new RegExp(String.raw`:  ${source}$`, 'm');
}
