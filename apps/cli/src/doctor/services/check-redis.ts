import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import prettyBytes from 'pretty-bytes';
import { connect } from '../../connect.ts';
import { findingOf, defineCheck, type Finding } from '../check.ts';

/** Checks Redis itself. `checkQueues` checks what lies in it. */
export const checkRedis = defineCheck({
  name: 'redis.server',
  needs: ['redis'],
  timeoutMs: 30_000,
  async *run({ redis }, _facts, signal) {
    await using connection = await connect(redis.url, signal);
    yield* judgeRedis(await readRedisFacts(connection));
  },
});

export type RedisFacts = {
  readonly version: string;
  /** `undefined` where Redis does not tell. */
  readonly evictionPolicy: string | undefined;
  readonly keepsAppendOnlyFile: boolean;
  /** Whether it writes snapshots by itself; `undefined` where Redis does not tell. */
  readonly writesSnapshots: boolean | undefined;
  /** Whether its last attempts to write to the disk went well. */
  readonly isDiskWell: boolean;
  readonly usedBytes: number;
  /** 0 where there is no limit. */
  readonly limitBytes: number;
};

async function readRedisFacts(redis: RedisConnection): Promise<RedisFacts> {
  const info = parseInfo(await redis.info());
  // Hosted Redis services forbid CONFIG.
  const settings = await redis.config('GET', 'save', 'maxmemory-policy').catch(() => undefined);
  const list = Array.isArray(settings) ? (settings as readonly unknown[]) : [];
  const setting = (name: string): string | undefined => {
    const at = list.indexOf(name);
    return at === -1 ? undefined : String(list[at + 1]);
  };
  const save = setting('save');
  return {
    version: info.get('redis_version') ?? 'of an unknown version',
    evictionPolicy: info.get('maxmemory_policy') ?? setting('maxmemory-policy'),
    keepsAppendOnlyFile: info.get('aof_enabled') === '1',
    writesSnapshots: save === undefined ? undefined : save !== '',
    isDiskWell: info.get('aof_last_write_status') !== 'err' && info.get('rdb_last_bgsave_status') !== 'err',
    usedBytes: Number(info.get('used_memory') ?? 0),
    limitBytes: Number(info.get('maxmemory') ?? 0),
  };
}

/** Source: https://redis.io/docs/latest/commands/info/ */
function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}

/** The oldest version that BullMQ supports. Source: https://docs.bullmq.io/guide/redis-tm-compatibility */
const LEAST_VERSION = [6, 2] as const;
const NEARLY_FULL = 0.8;

/** Judges whether Redis keeps what it holds. If it is lost, so are the plan and the jobs that wait, but no backup. */
export function* judgeRedis(facts: RedisFacts): Generator<Finding> {
  const { version, evictionPolicy, keepsAppendOnlyFile, writesSnapshots, isDiskWell, usedBytes, limitBytes } = facts;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
  const server = findingOf('redis.server');
  yield isOld
    ? server.warning(
        `Redis ${version} answers; the queues are meant for ${LEAST_VERSION.join('.')} or newer`,
        'Update Redis.',
      )
    : server.ok(`Redis ${version} answers`);

  const eviction = findingOf('redis.eviction');
  if (evictionPolicy === undefined) yield eviction.skipped('this Redis does not tell what it evicts');
  else if (evictionPolicy === 'noeviction') yield eviction.ok('it evicts nothing (maxmemory-policy noeviction)');
  else
    yield eviction.fault(
      `it may throw away jobs and schedules when its memory is full: maxmemory-policy is ${evictionPolicy}`,
      'Set maxmemory-policy noeviction in its configuration, and now: CONFIG SET maxmemory-policy noeviction',
    );
  yield judgePersistence(keepsAppendOnlyFile, writesSnapshots, isDiskWell);

  const of = `${prettyBytes(usedBytes)} of ${prettyBytes(limitBytes)}`;
  const { ok, warning, fault } = findingOf('redis.memory');
  if (limitBytes === 0) yield ok(`it uses ${prettyBytes(usedBytes)} of memory and has no limit of its own`);
  else if (usedBytes < limitBytes * NEARLY_FULL) yield ok(`it uses ${of} of memory`);
  else
    yield (usedBytes < limitBytes ? warning : fault)(
      `it uses ${of} of memory; when it is full, no job can be added`,
      'Raise maxmemory, or give pgstow a Redis of its own.',
    );
}

function judgePersistence(
  keepsAppendOnlyFile: boolean,
  writesSnapshots: boolean | undefined,
  isDiskWell: boolean,
): Finding {
  const { ok, warning, fault, skipped } = findingOf('redis.persistence');
  if (!isDiskWell)
    return fault(
      'it could not write its data to its disk',
      "See Redis' log: its disk may be full, or not writable for it.",
    );
  if (keepsAppendOnlyFile) return ok('it keeps its data over a restart (appendonly yes)');
  const hint = 'Set appendonly yes in its configuration, and now: CONFIG SET appendonly yes';
  if (writesSnapshots === undefined)
    return skipped('this Redis does not tell whether it keeps its data over a restart');
  return writesSnapshots
    ? warning('it forgets what came since its last snapshot when it restarts (appendonly no)', hint)
    : fault(
        'it forgets its schedules, and the jobs that wait or failed, when it restarts (appendonly no, no save)',
        hint,
      );
}
