import { setTimeout as delay } from 'node:timers/promises';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isSameSecret } from './is-same-secret.ts';
import { networkOf } from './network-of.ts';
import { takeTurns, type Turn } from './take-turns.ts';
import { WrongPasswords } from './wrong-passwords.ts';

/** Headers of every answer. The pages load nothing from elsewhere and stand in no frame. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  // Not no-referrer: with it, browsers hide where a form of our own comes from, too.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Gives every answer safe headers, and refuses requests that change something on behalf of another site. */
export function protect(publicOrigin: string | undefined) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    reply.headers(HEADERS);
    const refusal = refuseOtherSite(request.method, request.headers, publicOrigin);
    return refusal === undefined ? undefined : reply.code(403).type('text/plain').send(`Refused: ${refusal}\n`);
  };
}

/**
 * Refuses a change that a page of another site made a browser send: the browser adds the board's credentials, and says where the
 * page comes from. Other clients do not say that, and need no protection.
 *
 * Source: https://words.filippo.io/csrf/
 *
 * @param publicOrigin the board's, behind a proxy
 * @returns why the request is refused, if it is
 */
export function refuseOtherSite(
  method: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  publicOrigin: string | undefined,
): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  const [site, origin, host] = ['sec-fetch-site', 'origin', 'host'].map((name) => headers[name]?.toString());
  // A browser's own word. A proxy before us may have given us another Host than the browser asked.
  if (site === 'same-origin' || site === 'none') return undefined;
  if (site !== undefined) return `the browser says that a page of another site sends this (Sec-Fetch-Site: ${site}).`;
  // Over plain HTTP browsers say the origin alone.
  if (origin === undefined || (publicOrigin !== undefined && origin === publicOrigin)) return undefined;
  if (URL.canParse(origin) && new URL(origin).host === host) return undefined;
  return (
    `a page of ${origin} sends this to ${host ?? 'nobody'}, which seems to be another site. ` +
    (publicOrigin === undefined
      ? 'If a proxy serves the board there, set BOARD_URL to the address of the status page as the browser shows it.'
      : `BOARD_URL says that browsers find the board at ${publicOrigin}: open it there, or set BOARD_URL to where it is.`)
  );
}

/** Ten guesses a second, however many are sent at once. A right password waits only for the tries before it. */
const REST_MS = 100;
const FULL_LINE_MS = 10_000;

/** Lets in those who know the password, and slows guesses down. */
export type Gate = {
  /** Lets a request in that bears the password, or answers it. @returns whether it is in */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<boolean>;
};

/** Opens the gate of a server. Call it once for each. */
export async function openGate(server: FastifyInstance, user: string, password: string): Promise<Gate> {
  await server.register(basicAuth, {
    authenticate: { realm: 'pgstow' },
    validate: async (givenUser, givenPassword) => {
      const userFits = isSameSecret(givenUser, user);
      const passwordFits = isSameSecret(givenPassword, password);
      return userFits && passwordFits ? undefined : new Error('wrong user or password');
    },
  });
  const wrong = new WrongPasswords();
  const takeTurn = takeTurns();
  /** Connections whose last request was let in. */
  const known = new WeakSet<object>();
  const fits = (request: FastifyRequest, reply: FastifyReply): Promise<boolean> =>
    new Promise((resolve) => server.basicAuth.call(server, request, reply, (error) => resolve(error === undefined)));

  /**
   * Tries a password. The right one is let in, however many wrong ones came before: its owner may share an address with strangers.
   * After too many wrong ones, the next try waits, right or wrong.
   */
  async function tryPassword(request: FastifyRequest, reply: FastifyReply, network: string): Promise<Turn<Outcome>> {
    if (request.raw.destroyed) return { answer: { isIn: false, waitMs: 0 } };
    if (await fits(request, reply)) {
      known.add(request.raw.socket);
      return { answer: { isIn: true, waitMs: 0 } };
    }
    const now = performance.now();
    const waitMs = wrong.waitMs(network, now);
    if (waitMs === 0) wrong.tries(network, now);
    const isSuspected = wrong.waitMs(network, now) > 0;
    return {
      answer: { isIn: false, waitMs },
      ...(isSuspected ? { rest: delay(REST_MS, undefined, { ref: false }) } : {}),
    };
  }

  return {
    async admit(request, reply) {
      const network = networkOf(request.ip);
      // A browser asks without a password first, which is no try.
      const isTry = request.headers.authorization !== undefined;
      const look = (): Promise<Turn<Outcome>> => tryPassword(request, reply, network);
      // A connection that was let in does not stand in line: browsers and Prometheus keep theirs. One wrong password puts it
      // back in line.
      const isKnown = known.delete(request.raw.socket);
      const outcome = !isTry
        ? { isIn: await fits(request, reply), waitMs: 0 }
        : isKnown
          ? (await look()).answer
          : await takeTurn(network, look);
      const { isIn, waitMs } = outcome ?? { isIn: false, waitMs: FULL_LINE_MS };
      if (isIn) return true;
      if (waitMs > 0) {
        reply.code(429).header('retry-after', Math.ceil(waitMs / 1000));
        reply.type('text/plain').send('Too many wrong passwords. Try again later.\n');
      } else {
        reply.code(401).type('text/plain').send('The board asks for BOARD_USER and BOARD_PASSWORD.\n');
      }
      return false;
    },
  };
}

type Outcome = {
  readonly isIn: boolean;
  /** Time for which the network is suspected after wrong passwords. */
  readonly waitMs: number;
};
