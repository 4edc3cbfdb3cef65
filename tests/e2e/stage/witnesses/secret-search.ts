import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { descendants } from '@pgstow/testing/processes/running-processes.ts';
import type { Redis } from 'ioredis';

/** A text to search, and its name in messages. */
export type Place = { readonly name: string; readonly text: string };

/** Lists each secret that a place holds: its name, the place, and the text around it. */
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
 * The forms of a canary: plain, hexadecimal, and base64 after any number of bytes. URLs and JSON leave letters and digits as
 * they are.
 */
function formsOf(canary: string): readonly string[] {
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(canary)]).toString('base64');
    // The first and last digits also hold bits of the bytes around it.
    return text.slice(before === 0 ? 0 : 4, -4);
  });
  return [canary, Buffer.from(canary).toString('hex'), ...base64];
}

/** Keeps looking at the command lines of all descendants of this process. */
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

/** Reads every key of a Redis, of any type, with its content. */
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

/** Reads every file below a folder, except the content of dumps. */
export async function readFiles(folder: string): Promise<readonly Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const isRead = entry.isFile() && !/\.sql\.gz(?:\.age)?(?:\.partial)?$/.test(entry.name);
      const content = isRead ? await readFile(path, 'utf8') : '';
      return { name: path, text: `${path} ${content}` };
    }),
  );
}
