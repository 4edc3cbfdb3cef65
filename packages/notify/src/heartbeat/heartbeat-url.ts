import { DATABASE_PLACEHOLDER, SERVER_PLACEHOLDER } from '@pgstow/shared/config/subjects/alarms.ts';
import { describeTarget, UNNAMED_SERVER, type Target } from '@pgstow/shared/contract/target.ts';

export type Ping = 'start' | 'success' | 'fail';

/**
 * URL of a ping in healthchecks.io's protocol, https://healthchecks.io/docs/http_api/. Parameters of the user's URL stay.
 *
 * @param runId a UUID, the same for all pings of a run
 */
export function pingUrl(template: string, { server, database }: Target, ping: Ping, runId: string): URL {
  const url = new URL(
    template
      .replaceAll(SERVER_PLACEHOLDER, server ?? UNNAMED_SERVER)
      .replaceAll(DATABASE_PLACEHOLDER, encodeURIComponent(describeTarget(database))),
  );
  if (ping !== 'success') url.pathname = `${url.pathname.replace(/\/+$/, '')}/${ping}`;
  url.searchParams.set('rid', runId);
  return url;
}
