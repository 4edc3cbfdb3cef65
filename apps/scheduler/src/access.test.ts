import { expect, test } from 'vitest';
import { isFromOtherSite } from './access.ts';

test.each<[boolean, string, Record<string, string | readonly string[]>]>([
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
  expect(isFromOtherSite(method, headers)).toBe(expected);
});
