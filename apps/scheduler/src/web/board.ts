import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { FastifyPluginCallback } from 'fastify';
import { BOARD_PATH } from './board-path.ts';

type HookContext = Parameters<
  NonNullable<NonNullable<NonNullable<Parameters<typeof createBullBoard>[0]['options']>['handlerHooks']>['before']>
>[0];

const descriptions: Record<QueueName, string> = {
  dump: 'takes a dump of a database, proves it, records it, hands it over and prunes old ones',
  upload: 'copies a dump to its destination, with retries, until the store confirms it',
  verify: 'restores a dump, as it lies at its destination, into a scratch server and compares it with its source',
};

/**
 * The changes that the board may make. All else is refused, even what a later version of the board may learn: emptying a queue or
 * editing a schedule would undo the plan until the scheduler's next start. A job with other data in it is harmless, because every
 * worker parses what it gets.
 */
const ALLOWED = new Set([
  'put /api/queues/:queueName/:jobId/retry',
  'put /api/queues/:queueName/retry/failed',
  'put /api/queues/:queueName/:jobId/promote',
  'put /api/queues/:queueName/promote',
  'put /api/queues/:queueName/:jobId/clean',
  'put /api/queues/:queueName/clean/completed',
  'put /api/queues/:queueName/pause',
  'put /api/queues/:queueName/resume',
  'put /api/queues/pause',
  'put /api/queues/resume',
  'put /api/queues/:queueName/job-schedulers/:schedulerId/run',
  'post /api/queues/:queueName/add',
  'patch /api/queues/:queueName/:jobId/update-data',
]);

/**
 * bull-board over the queues of a site. Register it at `BOARD_PATH`.
 *
 * @param publicPath that browsers see before that path
 */
export function createBoard(
  queues: readonly OpenQueue<QueueName>[],
  site: string,
  publicPath: string,
  log: Pick<Log, 'info' | 'warn'>,
): FastifyPluginCallback {
  const adapter = new FastifyAdapter().setBasePath(`${publicPath}${BOARD_PATH}`);
  createBullBoard({
    queues: queues.map((queue) => {
      return new BullMQAdapter(queue, { description: descriptions[queue.name as QueueName] });
    }),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'pgstow',
        hideDocsLink: true,
        ...(site === 'default' ? {} : { environment: { label: site, color: '#336791' } }),
      },
      handlerHooks: { before: (context) => admit(context, log) },
    },
  });
  return adapter.registerPlugin();
}

function admit(
  { method, route, request }: HookContext,
  log: Pick<Log, 'info' | 'warn'>,
): { allow: boolean; message?: string } {
  if (method === 'get') return { allow: true };
  const params = request.params as Readonly<Record<string, string | undefined>>;
  const change = `${method} ${route.replace(':queueStatus', params['queueStatus'] ?? '')}`;
  const allow = ALLOWED.has(change);
  log[allow ? 'info' : 'warn'](
    { change, ...params },
    allow ? 'change from the board' : 'change from the board refused',
  );
  return allow ? { allow } : { allow, message: 'pgstow does not allow this from the board' };
}
