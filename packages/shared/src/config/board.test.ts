import { expect, it } from 'vitest';
import { board } from './board.ts';
import { readConfig } from './read-config.ts';

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
