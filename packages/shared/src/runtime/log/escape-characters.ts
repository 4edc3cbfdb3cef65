/** Shows each character that matches by its number, as in `\u001b`: a terminal or a browser would obey it. */
export function escapeCharacters(text: string, which: RegExp): string {
  return text.replaceAll(which, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}
