import { expect, it } from 'vitest';
import { createRedact } from './redact.ts';

it('a secret is replaced wherever it stands', () => {
  const redact = createRedact(['geheim']);
  expect(redact('geheim, "geheim"! geheimgeheim')).toBe('[redacted], "[redacted]"! [redacted][redacted]');
  expect(redact('nothing')).toBe('nothing');
});

it('a secret is found as it is, as JSON writes it and as a URL writes it', () => {
  for (const secret of [
    'p@ss/wörd',
    'a"b\\c',
    'line\nend',
    '100%',
    'a b',
    '$&$1',
    '.*+?^${}()|[]\\',
    '\u{1F418}x',
    '\uD800xx',
  ]) {
    const redact = createRedact([secret]);
    const forms = [secret, JSON.stringify({ secret }), `x://u:${encodeURIComponent(secret.toWellFormed())}@h/`];
    expect(redact(secret)).toBe('[redacted]');
    for (const form of forms) {
      const clean = redact(form);
      expect(clean).toContain('[redacted]');
      expect(clean).not.toContain(JSON.stringify(secret).slice(1, -1));
    }
  }
});

it('a secret that contains another is replaced whole, whatever their order', () => {
  for (const secrets of [
    ['abc', 'abcdef'],
    ['abcdef', 'abc'],
  ])
    expect(createRedact(secrets)('abcdef')).toBe('[redacted]');
});

it('a secret that is part of the replacement does not tear it up', () => {
  expect(createRedact(['geheim', 'red', 'acted'])('geheim red')).toBe('[redacted] [redacted]');
});

it('a secret of one or two characters is left, for it would tear up every line', () => {
  expect(createRedact(['a', 'ab', ''])('a cab')).toBe('a cab');
});

it('a password in any URL is replaced, known or not', () => {
  const redact = createRedact([]);
  expect(redact('to redis://user:pw@host:6379 and s3+x://:p%40w@h, not http://host:80/a@b')).toBe(
    'to redis://user:[redacted]@host:6379 and s3+x://:[redacted]@h, not http://host:80/a@b',
  );
});

it('a long line is none the worse for it', () => {
  const line = 'ab+/'.repeat(100_000);
  expect(createRedact(['geheim'])(line)).toBe(line);
});

it('JSON stays JSON', () => {
  const secret = 'a"b\\';
  const line = JSON.stringify({ msg: `password ${secret} refused`, err: secret });
  expect(JSON.parse(createRedact([secret])(line))).toEqual({ msg: 'password [redacted] refused', err: '[redacted]' });
});
