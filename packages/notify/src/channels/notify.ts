import type { NotifyEndpoint } from '@pgstow/shared/config/notify-url.ts';
import type { Notification } from '../notification.ts';
import { nameEndpoint } from './endpoint-name.ts';
import { send } from './send.ts';

export type Delivery = {
  /** The endpoint's, which tells nothing secret. */
  readonly name: string;
  /** Why it was not taken; `undefined`: it was. */
  readonly fault: string | undefined;
};

/** Sends a notification to all at the same time. Never throws: what was not taken is in the result. */
export async function notify(
  endpoints: readonly NotifyEndpoint[],
  notification: Notification,
  signal: AbortSignal,
): Promise<readonly Delivery[]> {
  return Promise.all(
    endpoints.map(async (endpoint): Promise<Delivery> => {
      const name = nameEndpoint(endpoint);
      try {
        await send(endpoint, notification, signal);
        return { name, fault: undefined };
      } catch (error) {
        return { name, fault: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}
