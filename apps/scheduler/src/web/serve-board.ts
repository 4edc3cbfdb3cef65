import { fastify, type FastifyInstance, type FastifyPluginCallback, type onErrorAsyncHookHandler } from 'fastify';
import { BOARD_PATH } from './board-path.ts';

/**
 * Serves the board, which is loaded when it is first opened: it takes as much memory as the rest of the scheduler's own code, and
 * many never open it. Register it behind the password.
 */
export async function serveBoard(
  scope: FastifyInstance,
  load: () => Promise<FastifyPluginCallback>,
  onError: onErrorAsyncHookHandler,
): Promise<void> {
  let opening: Promise<FastifyInstance> | undefined;
  const open = async (): Promise<FastifyInstance> => {
    // A server takes no more routes once it listens.
    const board = fastify({ logger: false });
    board.addHook('onError', onError);
    await board.register(await load(), { prefix: BOARD_PATH });
    await board.ready();
    return board;
  };
  const forget = (error: unknown): never => {
    opening = undefined;
    throw error;
  };
  scope.addHook('onClose', async () => (await opening)?.close());
  // The board reads what it is sent by itself.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _body, done) => done(null));
  for (const url of [BOARD_PATH, `${BOARD_PATH}/*`]) {
    scope.all(url, async (request, reply) => {
      const board = await (opening ??= open().catch(forget));
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      board.routing(request.raw, reply.raw);
    });
  }
}
