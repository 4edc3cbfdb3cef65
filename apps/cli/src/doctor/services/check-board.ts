import type { BoardConfig } from '@pgstow/shared/config/subjects/board.ts';
import { findingOf, defineCheck, type Finding } from '../check.ts';

/** Passwords of demos, examples and quick starts. */
const KNOWN = ['pgstow-demo', 'password', 'passwort', 'changeme', 'change-me', 'changeit', 'letmein', 'admin123'];
const LONG_ENOUGH = 12;

/** Judges the board's password: anyone who gets in can start dumps and see jobs. */
export const checkBoard = defineCheck({
  name: 'board.password',
  needs: ['board'],
  timeoutMs: 5000,
  async *run({ board }) {
    yield judgePassword(board);
  },
});

/** A missing password is a fault of the configuration where others can reach the board. */
function judgePassword({ host, port, user, password }: BoardConfig): Finding {
  const { ok, warning } = findingOf('board.password');
  if (password === undefined) return ok('no password is set here: without one, the board stays closed');
  const weakness = findWeakness(password, user);
  if (weakness === undefined) return ok(`the board at ${host}, port ${port}, has a password`);
  return warning(
    `the password of the board ${weakness}`,
    'Set BOARD_PASSWORD to a long random one, for instance of: openssl rand -base64 24',
  );
}

function findWeakness(password: string, user: string): string | undefined {
  const plain = password.toLowerCase();
  if (KNOWN.some((known) => plain === known || plain.replace(/[\d!]+$/, '') === known)) return 'is known from examples';
  if (plain.includes(user.toLowerCase()) && password.length < user.length + 6)
    return 'is little more than the user name';
  if (new Set(plain).size < 5) return 'has fewer than five different characters';
  if (/^\d+$/.test(password)) return 'has digits alone';
  return password.length < LONG_ENOUGH ? `has fewer than ${LONG_ENOUGH} characters` : undefined;
}
