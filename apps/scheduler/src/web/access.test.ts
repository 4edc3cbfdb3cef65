import { expect, test } from 'vitest';
import { refuseOtherSite } from './access.ts';

type Headers = Record<string, string | readonly string[]>;

test.each<[boolean, string, Headers]>([
  [false, 'GET', { 'sec-fetch-site': 'cross-site', origin: 'http://evil.example', host: 'board:3000' }],
  [false, 'HEAD', { 'sec-fetch-site': 'cross-site', host: 'board:3000' }],
  [false, 'PUT', { host: 'board:3000' }],
  [false, 'PUT', { 'sec-fetch-site': 'same-origin', origin: 'http://board:3000', host: 'board:3000' }],
  // Behind a proxy that gives its own name of us as Host.
  [false, 'PUT', { 'sec-fetch-site': 'same-origin', origin: 'https://board.example', host: 'scheduler:3000' }],
  [true, 'PUT', { 'sec-fetch-site': ['same-origin', 'cross-site'], host: 'board:3000' }],
  [false, 'PUT', { 'sec-fetch-site': 'none', host: 'board:3000' }],
  [false, 'PUT', { origin: 'https://board.example', host: 'board.example' }],
  [true, 'PUT', { 'sec-fetch-site': 'cross-site', host: 'board:3000' }],
  [true, 'POST', { 'sec-fetch-site': 'same-site', origin: 'http://board:3000', host: 'board:3000' }],
  [true, 'PUT', { origin: 'http://board:3001', host: 'board:3000' }],
  [true, 'PATCH', { origin: 'http://evil.example', host: 'board:3000' }],
  [true, 'DELETE', { origin: 'null', host: 'board:3000' }],
  [true, 'OPTIONS', { origin: 'http://board:3000.evil.example', host: 'board:3000' }],
])('from another site: %s for %s with %o', (expected, method, headers) => {
  expect(refuseOtherSite(method, headers, undefined) !== undefined).toBe(expected);
});

const BOARD = 'http://board.example';

test.each<[boolean, Headers]>([
  // A proxy without TLS that gives its own name of us as Host: browsers say the origin alone.
  [false, { origin: BOARD, host: 'scheduler:3000' }],
  [false, { origin: 'http://127.0.0.1:3000', host: '127.0.0.1:3000' }],
  [true, { origin: 'https://board.example', host: 'scheduler:3000' }],
  [true, { origin: 'http://board.example:8080', host: 'scheduler:3000' }],
  [true, { origin: 'http://board.example.evil.example', host: 'scheduler:3000' }],
  [true, { origin: 'null', host: 'scheduler:3000' }],
  [true, { origin: BOARD, host: 'scheduler:3000', 'sec-fetch-site': 'cross-site' }],
  [true, { origin: 'http://evil.example', host: 'scheduler:3000', 'x-forwarded-host': 'evil.example' }],
])('with BOARD_URL=http://board.example, from another site: %s with %o', (expected, headers) => {
  expect(refuseOtherSite('POST', headers, BOARD) !== undefined).toBe(expected);
});

test('a refusal says what was seen, and what is to be set', () => {
  const headers = { origin: BOARD, host: 'scheduler:3000' };
  expect(refuseOtherSite('POST', headers, undefined)).toMatch(
    /^a page of http:\/\/board\.example sends this to scheduler:3000, .* set BOARD_URL /,
  );
  expect(refuseOtherSite('POST', headers, 'https://board.example')).toMatch(
    /BOARD_URL says that browsers find the board at https:\/\/board\.example: /,
  );
  // BOARD_URL would change nothing about this one.
  expect(refuseOtherSite('POST', { ...headers, 'sec-fetch-site': 'same-site' }, undefined)).toBe(
    'the browser says that a page of another site sends this (Sec-Fetch-Site: same-site).',
  );
});
