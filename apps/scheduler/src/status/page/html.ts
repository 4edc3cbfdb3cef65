import { escapeCharacters } from '@pgstow/shared/runtime/escape-characters.ts';

/** A piece of HTML that needs no more escaping. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type HtmlValue = string | number | Html | undefined | readonly HtmlValue[];

/** HTML from a template: whatever is put in is text, in elements and quoted attributes alike, unless it came from here. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let parts = PARTS.get(strings);
  if (parts === undefined) {
    parts = strings.map((part) => part.replaceAll(/\s*\n\s*/g, '\n'));
    PARTS.set(strings, parts);
  }
  return new Html(parts.map((part, index) => part + textOf(values[index])).join(''));
}

/** Of each template, its own text without the indentation that it has in the source. */
const PARTS = new WeakMap<TemplateStringsArray, readonly string[]>();

function textOf(value: HtmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(textOf).join('');
  return escape(String(value).toWellFormed());
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const TO_ESCAPE = /[&<>"'\p{Cc}\p{Bidi_Control}]/u;

/** Characters of direction and control would have the text around them shown otherwise: each is shown by its number. */
function escape(text: string): string {
  if (!TO_ESCAPE.test(text)) return text;
  const entities = text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  return escapeCharacters(entities, /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu);
}
