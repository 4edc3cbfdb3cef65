import type { BoardConfig } from '@pgstow/shared/config/subjects/board.ts';
import { PermanentError, describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import {
  fastify,
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type onErrorAsyncHookHandler,
} from 'fastify';
import type { HealthAnswer } from '../status/healthz.ts';
import { openGate, protect } from './access.ts';
import { BOARD_PATH } from './board-path.ts';
import { withoutPublicPath } from './public-path.ts';
import { serveBoard } from './serve-board.ts';

export type ServerOptions = {
  readonly config: BoardConfig;
  /** Loads the board, once, when it is first opened. */
  readonly loadBoard: () => Promise<FastifyPluginCallback>;
  /** Adds the other pages behind the password. */
  readonly addPages: (scope: FastifyInstance) => Promise<void>;
  readonly readHealth: (mayKnowNames: boolean) => Promise<HealthAnswer>;
  readonly log: Log;
};

export type Server = AsyncDisposable & {
  /** The address that it listens on, without a slash at the end. */
  readonly url: string;
};

const CLOSED = 'The board is closed because BOARD_PASSWORD is not set.\n';

/**
 * The scheduler's web server: the board, for those who know its password, and `/healthz` and `/livez` for all.
 *
 * @throws PermanentError if it cannot listen where it should
 */
export async function startWebServer(options: ServerOptions): Promise<Server> {
  const { host, port, publicAddress } = options.config;
  // A browser's open connection must not hold up the end of the process.
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    rewriteUrl: ({ url }) => withoutPublicPath(url ?? '/', publicAddress?.path ?? ''),
  });
  await addRoutes(server, options);
  let url: string;
  try {
    url = await server.listen({ host, port });
  } catch (cause) {
    await server.close();
    throw cannotListen(host, port, cause);
  }
  return { url, [Symbol.asyncDispose]: () => server.close() };
}

async function addRoutes(
  server: FastifyInstance,
  { config, loadBoard, addPages, readHealth, log }: ServerOptions,
): Promise<void> {
  server.addHook('onRequest', protect(config.publicAddress?.origin));
  const logFault: onErrorAsyncHookHandler = async (request, _reply, error) => {
    if ((error.statusCode ?? 500) < 500) return;
    log.warn({ err: describeError(error), method: request.method, route: request.routeOptions.url }, 'request failed');
  };
  server.addHook('onError', logFault);

  // A probe restarts a process by this. Bad backups are no reason to restart it.
  server.get('/livez', () => ({ status: 'ok' }));

  const { user, password } = config;
  const answerHealth = async (reply: FastifyReply, mayKnowNames: boolean): Promise<FastifyReply> => {
    const health = await readHealth(mayKnowNames);
    return reply.code(health.status === 'ok' ? 200 : 503).send(health);
  };
  if (password === undefined) {
    server.get('/healthz', (_request, reply) => answerHealth(reply, false));
    for (const url of ['/', '/dump', '/restore-test', '/sites', '/metrics', BOARD_PATH, `${BOARD_PATH}/*`]) {
      server.all(url, (_request, reply) => reply.code(503).type('text/plain').send(CLOSED));
    }
    return;
  }
  const gate = await openGate(server, user, password);
  server.get('/healthz', async (request, reply) => {
    if (request.headers.authorization === undefined) return answerHealth(reply, false);
    return (await gate.admit(request, reply)) ? answerHealth(reply, true) : reply;
  });
  await server.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => ((await gate.admit(request, reply)) ? undefined : reply));
    await scope.register((board) => serveBoard(board, loadBoard, logFault));
    await scope.register(addPages);
  });
}

function cannotListen(host: string, port: number, cause: unknown): PermanentError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const why = code === 'EADDRINUSE' ? 'the port is taken' : describeError(cause);
  return new PermanentError(`cannot listen on ${host}:${port}: ${why}`, {
    hint: 'Set BOARD_PORT to a free port, or to 0 for any; set BOARD_HOST to an address of this machine.',
    cause,
  });
}
