/** A piece of a URL this long is taken for a key. A shorter one may be any word of a log line. */
const KEY_LENGTH = 16;
const SECRET_NAME = /token|key|secret|^sig|pass|pwd|authorization/i;

/**
 * The secrets in a URL whose path may be a key (a webhook's, a heartbeat's): password, path and query, and each piece of them
 * that looks like a key or has a key's name. The URL need not parse.
 */
export function secretsInUrl(text: string): readonly string[] {
  const [, credentials = '', host = '', rest = ''] = FORM.exec(text) ?? ['', '', '', text];
  const [user = '', ...others] = credentials.split(':');
  const password = others.join(':');
  const [path = '', query = ''] = rest.split(/[?#](.*)/s);
  const pieces = [
    password,
    // A lone user is a token (Discord); beside a password it is mostly a name.
    ...(password === '' && user.length >= KEY_LENGTH / 2 ? [user] : []),
    ...[user, host, rest, path, ...password.split('-'), ...path.split(/[/{}]/)].filter(isLikeKey),
    ...query.split('&').flatMap((pair) => {
      const [name = '', ...value] = pair.split('=');
      return isLikeKey(value.join('=')) || SECRET_NAME.test(name) ? [value.join('=')] : [];
    }),
  ];
  return [...new Set(pieces.flatMap(withDecoded))].filter((piece) => piece !== '');
}

/** Scheme, credentials, host and the rest. */
const FORM = /^[a-z][a-z0-9+.-]*:\/\/(?:([^/?#]*)@)?([^/?#]*)(.*)$/is;

/** Mail addresses and host names are no keys: faults name them as what was not reached. */
function isLikeKey(piece: string): boolean {
  return piece.length >= KEY_LENGTH && !/^[^/]*(?:@|%40)[^/]*$|^[\w-]+(?:\.[\w-]+)+(?::\d+)?$/.test(piece);
}

/** A text, and what it says if it is percent-encoded. */
export function withDecoded(text: string): readonly string[] {
  try {
    return [text, decodeURIComponent(text)];
  } catch {
    return [text];
  }
}
