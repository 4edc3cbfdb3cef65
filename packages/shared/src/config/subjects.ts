import { alarms } from './alarms.ts';
import { backup } from './backup.ts';
import { board } from './board.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { runtime } from './runtime.ts';
import { s3 } from './s3.ts';
import { schedule } from './schedule.ts';
import { tracing } from './tracing.ts';
import { verify } from './verify.ts';

/** Every subject that any process has, in the order of docs/configuration.md. */
export const subjects = { postgres, schedule, backup, s3, verify, alarms, redis, board, runtime, tracing } as const;
