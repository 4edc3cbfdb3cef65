import { escapeCharacters } from '@pgstow/shared/runtime/log/escape-characters.ts';

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

/** Makes HTML of a template. What is put in is text, in elements and quoted attributes alike, unless it is Html. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let parts = PARTS.get(strings);
  if (parts === undefined) {
    parts = strings.map((part) => part.replaceAll(/\s*\n\s*/g, '\n'));
    PARTS.set(strings, parts);
  }
  return new Html(parts.map((part, index) => part + textOf(values[index])).join(''));
}

/** The text of each template without the indentation of its source. */
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

/** Escapes HTML. Characters of direction and control change how the text around them looks: each appears as its number. */
function escape(text: string): string {
  if (!TO_ESCAPE.test(text)) return text;
  const entities = text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  return escapeCharacters(entities, /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu);
}
