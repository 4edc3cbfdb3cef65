import { alarms } from './subjects/alarms.ts';
import { backup } from './subjects/backup.ts';
import { board } from './subjects/board.ts';
import { destinations } from './subjects/destinations.ts';
import { encryption } from './subjects/encryption.ts';
import { postgres } from './subjects/postgres.ts';
import { redis } from './subjects/redis.ts';
import { runtime } from './subjects/runtime.ts';
import { schedule } from './subjects/schedule.ts';
import { targets } from './subjects/targets.ts';
import { tracing } from './subjects/tracing.ts';
import { verify } from './subjects/verify.ts';

/** Every subject that any process has, in the order of docs/configuration.md. */
export const subjects = {
  postgres,
  targets,
  schedule,
  backup,
  encryption,
  destinations,
  verify,
  alarms,
  redis,
  board,
  runtime,
  tracing,
} as const;
