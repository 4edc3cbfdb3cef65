import type { NotifyEndpoint } from '@pgstow/shared/config/notify-url.ts';

/** Who is notified, for logs and people: nothing of it is secret. */
export function nameEndpoint(endpoint: NotifyEndpoint): string {
  if (endpoint.service === 'email')
    return `mail to ${endpoint.to.join(', ')} through ${endpoint.host}:${endpoint.port}`;
  const { host } = new URL(endpoint.url);
  return endpoint.service === 'telegram'
    ? `telegram to ${endpoint.chat} through ${host}`
    : `${endpoint.service} at ${host}`;
}
