import type { z } from 'zod';

/** Parses JSON of a schema; `undefined` if the text is anything else. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
