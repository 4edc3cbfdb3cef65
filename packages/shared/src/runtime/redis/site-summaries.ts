import { parseJson } from '../../contract/parse-json.ts';
import { siteSummarySchema, type KnownSite, type SiteSummary } from '../../contract/site-summary.ts';
import { describeError } from '../errors.ts';
import type { RedisConnection } from './redis.ts';

/** The summary of a site. It has no expiry: a site that is silent must be seen to be. */
const summaryKey = (site: string): string => `pgstow:${site}:summary`;

const SUMMARY_KEY = /^pgstow:([a-z0-9-]{1,32}):summary$/;

/** Writes a site's summary, with the time of Redis. */
export async function putSiteSummary(
  redis: RedisConnection,
  site: string,
  summary: Omit<SiteSummary, 'version' | 'writtenAt'>,
): Promise<void> {
  const writtenAt = new Date(await timeOf(redis)).toISOString();
  await redis.set(summaryKey(site), JSON.stringify(siteSummarySchema.parse({ version: 1, writtenAt, ...summary })));
}

/** Reads every site of this Redis, by name. A user that may read some sites alone sees of the others that they are there. */
export async function readSites(redis: RedisConnection): Promise<readonly KnownSite[]> {
  const keys = new Set<string>();
  for await (const page of redis.scanStream({ match: summaryKey('*'), count: 1000 }))
    for (const key of page as readonly string[]) keys.add(key);
  const nowMs = await timeOf(redis);
  const names = [...keys].flatMap((key) => SUMMARY_KEY.exec(key)?.[1] ?? []).sort();
  return Promise.all(names.map((site) => readOne(redis, site, nowMs)));
}

async function readOne(redis: RedisConnection, site: string, nowMs: number): Promise<KnownSite> {
  let json: string | null;
  try {
    json = await redis.get(summaryKey(site));
  } catch (error) {
    return { site, fault: `its summary cannot be read: ${describeError(error)}` };
  }
  const summary = parseJson(siteSummarySchema, json ?? '');
  if (summary === undefined) return { site, fault: 'its summary is of another version of pgstow' };
  return { site, summary, writtenMsAgo: Math.max(0, nowMs - Date.parse(summary.writtenAt)) };
}

/** Forgets a site that is no more. A scheduler that still runs there writes its summary again. @returns whether it was known */
export async function forgetSite(redis: RedisConnection, site: string): Promise<boolean> {
  return (await redis.del(summaryKey(site))) === 1;
}

/** The clock of Redis, in milliseconds since 1970. */
async function timeOf(redis: RedisConnection): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
