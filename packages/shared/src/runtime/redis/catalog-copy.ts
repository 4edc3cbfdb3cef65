import { randomUUID } from 'node:crypto';
import { parseJson } from '../../contract/parse-json.ts';
import { publishedCatalogSchema, type PublishedCatalog } from '../../contract/published-catalog.ts';
import type { RedisConnection } from './redis.ts';

/** The published catalog of a site with the tickets that order its publications, in one hash. */
export function catalogKey(scope: string): string {
  return `pgstow:${scope}:catalog`;
}

/**
 * Draws a ticket; call it before the folder is read. A later ticket has seen all that an earlier one saw, whatever the hosts'
 * clocks say.
 */
export async function drawTicket(redis: RedisConnection, scope: string): Promise<number> {
  return redis.hincrby(catalogKey(scope), 'next', 1);
}

/** Puts a catalog in the place of an older one, at once. @returns whether it was newer than the one that was there */
export async function putCatalog(
  redis: RedisConnection,
  scope: string,
  ticket: number,
  catalog: PublishedCatalog,
): Promise<boolean> {
  const json = JSON.stringify(publishedCatalogSchema.parse(catalog));
  return (await redis.eval(PUT, 1, catalogKey(scope), ticket, json, randomUUID())) === 1;
}

export async function isCatalogThere(redis: RedisConnection, scope: string): Promise<boolean> {
  return (await redis.hexists(catalogKey(scope), 'catalog')) === 1;
}

/** Reads what a site's workers published last, and parses it only once for each publication. */
export class CatalogReader {
  readonly #redis: RedisConnection;
  readonly #key: string;
  #known: { readonly stamp: string; readonly catalog: PublishedCatalog | undefined } | undefined;

  constructor(redis: RedisConnection, scope: string) {
    this.#redis = redis;
    this.#key = catalogKey(scope);
  }

  /** @returns `undefined` if nothing is there, or only what another version wrote */
  async read(): Promise<PublishedCatalog | undefined> {
    const current = await this.#redis.hget(this.#key, 'stamp');
    if (current !== null && current === this.#known?.stamp) return this.#known.catalog;
    const [stamp, json] = await this.#redis.hmget(this.#key, 'stamp', 'catalog');
    const catalog = parseJson(publishedCatalogSchema, json ?? '');
    this.#known = typeof stamp === 'string' ? { stamp, catalog } : undefined;
    return catalog;
  }
}

/** A Redis that was emptied meanwhile counts from zero: the counter must not stay below a ticket that is in use. */
const PUT = `
if tonumber(redis.call('hget', KEYS[1], 'ticket') or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('hset', KEYS[1], 'ticket', ARGV[1], 'catalog', ARGV[2], 'stamp', ARGV[3])
if tonumber(redis.call('hget', KEYS[1], 'next') or '0') < tonumber(ARGV[1]) then redis.call('hset', KEYS[1], 'next', ARGV[1]) end
return 1`;
