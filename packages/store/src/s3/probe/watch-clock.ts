import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Notes how far the store's clock is ahead of ours, by the Date of the last answer, even of a refusal. That time is exact to the
 * second.
 */
export function watchClock(client: S3Client): { readonly skewMs: number | undefined } {
  const clock: { skewMs: number | undefined } = { skewMs: undefined };
  const note = (response: unknown, askedAt: number): void => {
    const date = (response as { headers?: Record<string, string> } | undefined)?.headers?.['date'];
    const time = date === undefined ? Number.NaN : Date.parse(date);
    if (!Number.isNaN(time)) clock.skewMs = time + 500 - (askedAt + Date.now()) / 2;
  };
  client.middlewareStack.add(
    (next) => async (args) => {
      const askedAt = Date.now();
      try {
        const result = await next(args);
        note(result.response, askedAt);
        return result;
      } catch (error) {
        note((error as { $response?: unknown }).$response, askedAt);
        throw error;
      }
    },
    { step: 'deserialize', name: 'watchClock', priority: 'high' },
  );
  return clock;
}
