import { z } from 'zod';
import { defineSubject, type ReportFault } from '../subject.ts';
import {
  NotifyUrlError,
  parseNotifyUrl,
  schemeOf,
  splitNotifyUrls,
  type NotifyEndpoint,
} from '../values/notify-url.ts';
import { secretsInUrl } from '../values/url-secrets.ts';

/** Receivers of heartbeats and notifications. */
export type AlarmsConfig = {
  /** May hold `{database}` and `{server}`; `undefined`: no heartbeat. */
  readonly heartbeatUrl: string | undefined;
  readonly endpoints: readonly NotifyEndpoint[];
};

/** The place of the server's name in HEARTBEAT_URL. */
export const SERVER_PLACEHOLDER = '{server}';
/** The place of the database's name in HEARTBEAT_URL: each database then has its own check. */
export const DATABASE_PLACEHOLDER = '{database}';

export const alarms = defineSubject({
  title: 'Alarms',
  variables: {
    HEARTBEAT_URL: {
      schema: z.string().trim().optional(),
      secret: secretsInUrl,
      description:
        'URL of a check at healthchecks.io, or at a service with the same protocol. It is pinged when a dump begins, when a backup is confirmed, and when one has failed for good. With `{database}` in it, each database has its own check, and with `{server}` as well each of each server (docs/alarms.md).',
    },
    NOTIFY_URLS: {
      schema: z.string().optional(),
      secret: (text) => splitNotifyUrls(text).flatMap(secretsInUrl),
      description:
        'URLs that get a notification of each alarm and of its end, with spaces or commas between them: a webhook, Slack, Discord, ntfy, Telegram, mail (docs/alarms.md). `pgstow notify --test` tries them.',
    },
  },
  build: (values, report): AlarmsConfig => ({
    heartbeatUrl: readHeartbeatUrl(values.HEARTBEAT_URL, report),
    endpoints: readEndpoints(values.NOTIFY_URLS ?? '', report),
  }),
});

function readHeartbeatUrl(text: string | undefined, report: ReportFault): string | undefined {
  if (text === undefined) return undefined;
  const samples = ['a', 'b'].map((name) =>
    text.replaceAll(DATABASE_PLACEHOLDER, name).replaceAll(SERVER_PLACEHOLDER, name),
  );
  const [url, other] = samples.map((sample) => (URL.canParse(sample) ? new URL(sample) : undefined));
  if (url === undefined || other === undefined || !/^https?:$/.test(url.protocol))
    report('HEARTBEAT_URL', 'expected a URL such as https://hc-ping.com/UUID');
  else if (url.origin !== other.origin || url.username !== other.username || url.password !== other.password)
    report(
      'HEARTBEAT_URL',
      `holds ${DATABASE_PLACEHOLDER} or ${SERVER_PLACEHOLDER} elsewhere than in its path or query`,
    );
  return text;
}

function readEndpoints(text: string, report: ReportFault): readonly NotifyEndpoint[] {
  const faults: string[] = [];
  const endpoints = splitNotifyUrls(text).flatMap((url, index) => {
    try {
      return parseNotifyUrl(url);
    } catch (error) {
      if (!(error instanceof NotifyUrlError)) throw error;
      faults.push(`entry ${index + 1} (${schemeOf(url)}) ${error.message}`);
      return [];
    }
  });
  if (faults.length > 0) report('NOTIFY_URLS', faults.join('; '));
  return endpoints;
}
