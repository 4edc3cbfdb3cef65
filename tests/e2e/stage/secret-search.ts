import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { descendants } from '@pgstow/testing/running-processes.ts';
import type { Redis } from 'ioredis';

/** Where something was looked for: what it is called, and all that stands there. */
export type Place = { readonly name: string; readonly text: string };

/** `NAME of the secret, in PLACE: what stands around it` for each that stands anywhere. */
export function findSecrets(canaries: Readonly<Record<string, string>>, places: Iterable<Place>): readonly string[] {
  const forms = Object.entries(canaries).flatMap(([name, canary]) => formsOf(canary).map((form) => ({ name, form })));
  return [...places].flatMap((place) => {
    const text = place.text.toLowerCase();
    return forms.flatMap(({ name, form }) => {
      const at = text.indexOf(form.toLowerCase());
      if (at < 0) return [];
      return [`${name}, in ${place.name}: ${place.text.slice(Math.max(0, at - 200), at + form.length + 40)}`];
    });
  });
}

/**
 * A canary as it is, in hexadecimal, and in base64 however many bytes stand before it. A URL and JSON write one of letters and
 * digits as it is.
 */
function formsOf(canary: string): readonly string[] {
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(canary)]).toString('base64');
    // The first and last digits hold bits of what stands before and behind it.
    return text.slice(before === 0 ? 0 : 4, -4);
  });
  return [canary, Buffer.from(canary).toString('hex'), ...base64];
}

/** Looks at the command lines of all that this process has started, and they, again and again. */
export class ProcessWatch {
  readonly #seen = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(everyMs: number) {
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  get places(): readonly Place[] {
    return [...this.#seen].map((text) => ({ name: 'the process list', text }));
  }

  #look(): void {
    for (const { command } of descendants()) this.#seen.add(command);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Every key of a Redis with all that it holds, whatever it is of. */
export async function readRedis(redis: Redis): Promise<readonly Place[]> {
  const keys = await redis.keys('*');
  return Promise.all(
    keys.map(async (key) => {
      const type = await redis.type(key);
      const value =
        type === 'hash'
          ? await redis.hgetall(key)
          : type === 'list'
            ? await redis.lrange(key, 0, -1)
            : type === 'set'
              ? await redis.smembers(key)
              : type === 'zset'
                ? await redis.zrange(key, '0', '-1')
                : type === 'stream'
                  ? await redis.xrange(key, '-', '+')
                  : await redis.get(key);
      return { name: `Redis' ${type} ${key}`, text: `${key} ${JSON.stringify(value)}` };
    }),
  );
}

/** Every file below a folder, and its name; not what a dump holds. */
export async function readFiles(folder: string): Promise<readonly Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const isRead = entry.isFile() && !/\.sql\.gz(?:\.partial)?$/.test(entry.name);
      const content = isRead ? await readFile(path, 'utf8') : '';
      return { name: path, text: `${path} ${content}` };
    }),
  );
}
