import { publishCatalog } from '@pgstow/catalog/published/publish-catalog.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { connect } from './connect.ts';

/** Publishes the folder at once, so that the status page and the alarm need not wait for a worker to read it. */
export async function publishNow(
  options: Omit<Parameters<typeof publishCatalog>[0], 'redis'>,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await using redis = await connect(url, signal);
    await publishCatalog({ ...options, redis });
  } catch (error) {
    signal.throwIfAborted();
    console.error(
      `pgstow: the status page, metrics and alarms follow once a worker has read the folder: ${describeError(error)}`,
    );
  }
}
