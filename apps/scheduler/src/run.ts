import { verifiedPlace } from '@pgstow/shared/config/s3.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { queueNames } from '@pgstow/shared/contract/jobs.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { BOARD_PATH, createBoard } from './board.ts';
import { checkHealth, findPaused } from './healthz.ts';
import { startServer } from './server.ts';
import { wantDumps, wantRestoreTests } from './wanted-entries.ts';
import { watchSchedules } from './watch-schedules.ts';

const { postgres, schedule, verify, redis, board } = subjects;

await runProcess(
  'scheduler',
  { postgres, schedule, verify, verifiedPlace, redis, board },
  async ({ config, log, stack }) => {
    const { site, url } = config.redis;
    const connection = stack.use(await connectRedis(url, log));
    const queues = queueNames.map((name) => stack.use(openQueue(name, site, connection)));
    const dumps = stack.use(openQueue('dump', site, connection));
    const verifications = stack.use(openQueue('verify', site, connection));
    const { databases: targets } = config.postgres;

    const schedules = stack.use(watchSchedules(wantDumps({ queue: dumps, targets, schedule: config.schedule, log })));
    const restoreTests = stack.use(
      watchSchedules(
        wantRestoreTests({
          queue: verifications,
          targets,
          schedule: config.verify.schedule,
          destination: config.verifiedPlace,
          log,
        }),
      ),
    );
    // Without restore tests a backup is less proven, and no less a backup.
    const needed = queues.filter(({ name }) => name !== 'verify');
    const server = stack.use(
      await startServer({
        config: config.board,
        board: createBoard(queues, site, log),
        readHealth: () => checkHealth(connection, schedules, needed),
        log,
      }),
    );
    await schedules.start();
    await restoreTests.start();
    const paused = await findPaused(queues);
    if (paused !== undefined) log.warn(paused);

    if (config.board.password === undefined) {
      log.warn({ url: `${server.url}/healthz` }, 'the board is closed; set BOARD_PASSWORD to open it');
    } else {
      log.info({ url: `${server.url}${BOARD_PATH}` }, `board on ${server.url}${BOARD_PATH}`);
    }
  },
);
