import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Headers of every answer. The pages load nothing from elsewhere and stand in nobody's frame. */
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
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** For every request: safe headers in the answer, and nothing is changed on behalf of another site. */
export async function protect(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  reply.headers(HEADERS);
  if (!isFromOtherSite(request.method, request.headers)) return undefined;
  return reply.code(403).type('text/plain').send('Refused: the request was made by a page of another site.\n');
}

/**
 * A browser sends the board's credentials with a request that any page makes it send, and says where that page comes
 * from. What is no browser says nothing of the kind and needs no protection.
 *
 * Source: https://words.filippo.io/csrf/
 */
export function isFromOtherSite(
  method: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return typeof origin !== 'string' || !URL.canParse(origin) || new URL(origin).host !== host;
}

/** Asks for the user's name and password in all that is registered in `scope`. */
export async function requirePassword(scope: FastifyInstance, user: string, password: string): Promise<void> {
  await scope.register(basicAuth, {
    authenticate: { realm: 'pgstow' },
    validate: async (givenUser, givenPassword) => {
      const userFits = isEqual(givenUser, user);
      const passwordFits = isEqual(givenPassword, password);
      return userFits && passwordFits ? undefined : new Error('wrong user or password');
    },
  });
  scope.addHook('onRequest', (request, reply, done) => {
    scope.basicAuth.call(scope, request, reply, (error) => {
      if (error === undefined) done();
      else void reply.code(401).type('text/plain').send('The board asks for BOARD_USER and BOARD_PASSWORD.\n');
    });
  });
}

/** In a time that tells nothing of where they differ, nor how long they are. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
