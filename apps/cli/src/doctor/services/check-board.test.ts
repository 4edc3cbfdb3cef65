import { expect, it } from 'vitest';
import { createFacts } from '../facts.ts';
import { checkBoard } from './check-board.ts';

const judge = async (password: string | undefined) => {
  const board = { host: '0.0.0.0', port: 3000, user: 'admin', password };
  const found = checkBoard.run({ board } as never, createFacts(new Date()), new AbortController().signal);
  return (await Array.fromAsync(found))[0];
};

it.each([
  ['pgstow-demo', 'is known from examples'],
  ['changeme123', 'is known from examples'],
  ['admin12345', 'is little more than the user name'],
  ['abababababababab', 'has fewer than five different characters'],
  ['12345678901234', 'has digits alone'],
  ['sh0rt-one', 'has fewer than 12 characters'],
])('the password %s is weak: it %s', async (password, says) => {
  expect(await judge(password)).toMatchObject({
    status: 'warning',
    message: `the password of the board ${says}`,
    hint: expect.stringContaining('openssl rand'),
  });
});

it.each([undefined, 'wQ3xT9pLmZ7rVb2k'])('%s is well, and is not shown', async (password) => {
  const found = await judge(password);
  expect(found?.status).toBe('ok');
  expect(found?.message).not.toContain('wQ3');
});
