import { DATABASE_PLACEHOLDER } from '@pgstow/shared/config/alarms.ts';

export type Ping = 'start' | 'success' | 'fail';

/**
 * Where a check is told of a run: healthchecks.io's protocol, https://healthchecks.io/docs/http_api/. The parameters of the
 * user's own URL are kept.
 *
 * @param runId a UUID, the same for all pings of a run
 */
export function pingUrl(template: string, database: string, ping: Ping, runId: string): URL {
  const url = new URL(template.replaceAll(DATABASE_PLACEHOLDER, encodeURIComponent(database)));
  if (ping !== 'success') url.pathname = `${url.pathname.replace(/\/+$/, '')}/${ping}`;
  url.searchParams.set('rid', runId);
  return url;
}
