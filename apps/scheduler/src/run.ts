import { subjects } from '@pgstow/shared/config/subjects.ts';
import { queueNames } from '@pgstow/shared/contract/jobs.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { BOARD_PATH, createBoard } from './board.ts';
import { checkHealth, findPaused } from './healthz.ts';
import { startServer } from './server.ts';
import { watchSchedules } from './watch-schedules.ts';

const { postgres, schedule, redis, board } = subjects;

await runProcess('scheduler', { postgres, schedule, redis, board }, async ({ config, log, stack }) => {
  const { site, url } = config.redis;
  const connection = stack.use(await connectRedis(url, log));
  const queues = queueNames.map((name) => stack.use(openQueue(name, site, connection)));
  const dumps = stack.use(openQueue('dump', site, connection));

  const schedules = stack.use(
    watchSchedules({ queue: dumps, targets: config.postgres.databases, schedule: config.schedule, log }),
  );
  const server = stack.use(
    await startServer({
      config: config.board,
      board: createBoard(queues, site, log),
      readHealth: () => checkHealth(connection, schedules, queues),
      log,
    }),
  );
  await schedules.start();
  const paused = await findPaused(queues);
  if (paused !== undefined) log.warn(paused);

  if (config.board.password === undefined) {
    log.warn({ url: `${server.url}/healthz` }, 'the board is closed; set BOARD_PASSWORD to open it');
  } else {
    log.info({ url: `${server.url}${BOARD_PATH}` }, `board on ${server.url}${BOARD_PATH}`);
  }
});
