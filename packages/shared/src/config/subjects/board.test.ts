import { expect, it } from 'vitest';
import { readConfig } from '../read-config.ts';
import { board } from './board.ts';

const read = (env: Record<string, string>) => readConfig(env, { board }, [board]).config.board;

it.each(['127.0.0.1', '127.3.2.1', '::1', 'localhost'])('%s needs no password', (BOARD_HOST) => {
  expect(read({ BOARD_HOST })).toMatchObject({ host: BOARD_HOST, password: undefined });
});

it.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.evil.com', '127.0.0.1.evil.com', 'board'])(
  '%s needs a password',
  (BOARD_HOST) => {
    expect(() => read({ BOARD_HOST })).toThrow(`BOARD_PASSWORD: is required because BOARD_HOST is ${BOARD_HOST}`);
    expect(read({ BOARD_HOST, BOARD_PASSWORD: 'geheimnis' }).password).toBe('geheimnis');
  },
);

it('a password of seven characters and a user with a colon are refused', () => {
  expect(() => read({ BOARD_PASSWORD: '1234567', BOARD_USER: 'a:b' })).toThrow(
    /BOARD_USER: expected a user name without a colon, got "a:b"[^]*BOARD_PASSWORD: expected a password of at least 8 characters$/,
  );
});

it.each<[string, string, string]>([
  ['https://backups.example.com', 'https://backups.example.com', ''],
  ['https://Backups.example.com:443/', 'https://backups.example.com', ''],
  ['http://ops.example.com:8080/pgstow/', 'http://ops.example.com:8080', '/pgstow'],
  ['https://ops.example.com/tools/pgstow', 'https://ops.example.com', '/tools/pgstow'],
])('the board is found at %s', (BOARD_URL, origin, path) => {
  expect(read({ BOARD_URL }).publicAddress).toEqual({ origin, path });
});

it('without BOARD_URL there is no proxy before it', () => {
  expect(read({}).publicAddress).toBeUndefined();
  expect(read({ BOARD_URL: '' }).publicAddress).toBeUndefined();
});

it.each<[string, string]>([
  ['ops.example.com', 'expected a URL such as https://ops.example.com/pgstow'],
  ['ftp://ops.example.com', 'expected a URL such as https://ops.example.com/pgstow'],
  ['https://me:secret@ops.example.com', 'holds a user name or a password'],
  ['https://ops.example.com/?a=b', 'expected a scheme, a host and a plain path'],
  ['https://ops.example.com/a b', 'expected a scheme, a host and a plain path'],
  ['https://ops.example.com/"><script>', 'expected a scheme, a host and a plain path'],
  ['https://ops.example.com//elsewhere.example', 'expected a scheme, a host and a plain path'],
])('BOARD_URL=%s is refused', (BOARD_URL, fault) => {
  expect(() => read({ BOARD_URL })).toThrow(`BOARD_URL: ${fault}`);
});
