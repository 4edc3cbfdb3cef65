import { parseJson } from '@pgstow/shared/contract/parse-json.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { answerWithin } from '@pgstow/shared/runtime/redis/answer-within.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { alarmField, type AlarmKey } from './alarm-field.ts';
import { alarmRecordSchema, type AlarmRecord, type Change } from './alarm-record.ts';

/** Hash of a site's standing alarms, by `alarmField`. */
const alarmsKey = (site: string): string => `pgstow:${site}:alarms`;

export type Changed = {
  readonly before: AlarmRecord | undefined;
  readonly after: AlarmRecord | undefined;
  readonly isToSend: boolean;
  /** Why Redis does not keep the change; `undefined`: it does. */
  readonly fault: unknown;
};

/**
 * Reads an alarm, decides, and writes, until no other process wrote in between. So one of several workers that see the same fault
 * sends it. If Redis cannot be written (it is full, or a replica) or not even read, the result has the decision by what is known,
 * with that fault.
 *
 * @returns the change; `undefined` if there is none
 * @throws RetryableError, or what Redis answered, if nothing is to be done by what is known
 */
export async function changeAlarm(
  redis: RedisConnection,
  site: string,
  alarm: AlarmKey,
  decide: (known: AlarmRecord | undefined) => Change,
): Promise<Changed | undefined> {
  const key = alarmsKey(site);
  const field = alarmField(alarm);
  let before: AlarmRecord | undefined;
  try {
    for (;;) {
      const text = (await answered(redis, () => redis.hget(key, field))) ?? '';
      // A record of another format counts as none, and is written anew.
      before = parseJson(alarmRecordSchema, text);
      const change = decide(before);
      if (change === undefined) return undefined;
      const next = change.record === undefined ? '' : JSON.stringify(change.record);
      const isOurs = await answered(redis, () => redis.eval(REPLACE, 1, key, field, text, next));
      if (isOurs === 1) return { before, after: change.record, isToSend: change.isToSend, fault: undefined };
    }
  } catch (fault) {
    const change = decide(before);
    if (change === undefined) throw fault;
    return { before, after: change.record, isToSend: change.isToSend, fault };
  }
}

/** Reads the standing alarms, oldest first. @throws RetryableError if Redis does not answer */
export async function readAlarms(redis: RedisConnection, site: string): Promise<readonly AlarmRecord[]> {
  const all = await answered(redis, () => redis.hvals(alarmsKey(site)));
  return all
    .map((text) => parseJson(alarmRecordSchema, text))
    .filter((record) => record !== undefined)
    .sort((a, b) => (a.raisedAt < b.raisedAt ? -1 : 1));
}

const ANSWER_LIMIT_MS = 5000;

/** Ends the wait for a Redis that is away: a command would wait without end. */
async function answered<T>(redis: RedisConnection, command: () => Promise<T>): Promise<T> {
  if (redis.status !== 'ready') throw new RetryableError('redis is away');
  return answerWithin(ANSWER_LIMIT_MS, command());
}

/** Writes only if the field still holds the text that was read. An empty text stands for no field. */
const REPLACE = `
if (redis.call('hget', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('hdel', KEYS[1], ARGV[1]) else redis.call('hset', KEYS[1], ARGV[1], ARGV[3]) end
return 1`;
