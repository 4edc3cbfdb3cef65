/**
 * Encodings that Node decodes as PostgreSQL does, by their names in `client_encoding`. Client-only encodings (BIG5, SJIS,
 * UHC, ...) are missing, because the two differ in many characters; EUC_JIS_2004, EUC_TW, JOHAB and MULE_INTERNAL are unknown
 * to Node.
 * Source: https://www.postgresql.org/docs/current/multibyte.html and https://encoding.spec.whatwg.org/#names-and-labels
 */
const LABELS: Readonly<Record<string, string>> = {
  UTF8: 'utf-8',
  // SQL_ASCII allows any bytes. Bytes that are valid UTF-8 are so on purpose.
  SQL_ASCII: 'utf-8',
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  // Differs from ISO 8859-9 only in what are control characters there.
  LATIN5: 'windows-1254',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  LATIN10: 'iso-8859-16',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  WIN1250: 'windows-1250',
  WIN1251: 'windows-1251',
  WIN1252: 'windows-1252',
  WIN1253: 'windows-1253',
  WIN1254: 'windows-1254',
  WIN1255: 'windows-1255',
  WIN1256: 'windows-1256',
  WIN1257: 'windows-1257',
  WIN1258: 'windows-1258',
  EUC_CN: 'gbk',
  EUC_JP: 'euc-jp',
  EUC_KR: 'euc-kr',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/**
 * Returns a decoder for names in an encoding of PostgreSQL. It returns `undefined` for bytes that are no text in it, and for
 * all bytes if the encoding is unknown.
 */
export function nameDecoder(encoding: string): (name: Buffer) => string | undefined {
  // To TextDecoder, `latin1` is windows-1252.
  if (encoding === 'LATIN1') return (name) => name.toString('latin1');
  const label = Object.hasOwn(LABELS, encoding) ? LABELS[encoding] : undefined;
  if (label === undefined) return () => undefined;
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  return (name) => {
    try {
      return decoder.decode(name);
    } catch {
      return undefined;
    }
  };
}
