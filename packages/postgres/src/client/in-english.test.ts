import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inEnglish } from './in-english.ts';

const TRANSLATED = JSON.parse(readFileSync(new URL('translated-messages.json', import.meta.url), 'utf8')) as Record<
  string,
  readonly string[]
>;

it('finds the English of each translation, and of no other message', () => {
  for (const [english, translations] of Object.entries(TRANSLATED)) {
    for (const translation of translations) {
      const message = translation.replaceAll(/%(?:\d+\$)?[a-z]/g, 'a »b«\n"c"');
      const said = `psql: error: connection failed: FATAL:  ${message}\nDETAIL:  more`;
      const found = inEnglish(said).slice(said.length).trim().split('\n');
      expect({ translation, found }).toMatchObject({ translation, found: expect.arrayContaining([english]) });
      const beginning = (format: string) => /^[^"%]*/.exec(format)?.[0];
      expect({ translation, beginnings: new Set(found.map(beginning)) }).toEqual({
        translation,
        beginnings: new Set([beginning(english)]),
      });
    }
  }
});

it('reads letters that were lost on the way, and leaves English alone', () => {
  for (const role of ['Benutzer \uFFFDx\uFFFD', 'Benutzer ?x?'])
    expect(inEnglish(`FATAL:  Passwort-Authentifizierung f\uFFFDr ${role} fehlgeschlagen`)).toContain(
      'password authentication failed',
    );
  expect(inEnglish('FATAL:  role "x" does not exist')).toBe('FATAL:  role "x" does not exist');
});
