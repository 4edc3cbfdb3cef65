import type { NotifyEndpoint } from '@pgstow/shared/config/values/notify-url.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Notification } from '../notification.ts';
import { send } from './send.ts';

export type Delivery = {
  /** The endpoint's name, without a secret. */
  readonly name: string;
  /** Why the endpoint did not take it; `undefined`: it did. */
  readonly fault: string | undefined;
};

/** Sends a notification to all endpoints at the same time. Never throws: the result has the faults. */
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
        return { name, fault: describeError(error) };
      }
    }),
  );
}

/** Names an endpoint for logs and people, without a secret. */
export function nameEndpoint(endpoint: NotifyEndpoint): string {
  if (endpoint.service === 'email')
    return `mail to ${endpoint.to.join(', ')} through ${endpoint.host}:${endpoint.port}`;
  const { host } = new URL(endpoint.url);
  return endpoint.service === 'telegram'
    ? `telegram to ${endpoint.chat} through ${host}`
    : `${endpoint.service} at ${host}`;
}
