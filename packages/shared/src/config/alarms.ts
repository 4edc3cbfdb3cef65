import { z } from 'zod';
import { NotifyUrlError, parseNotifyUrl, schemeOf, splitNotifyUrls, type NotifyEndpoint } from './notify-url.ts';
import { defineSubject, type ReportFault } from './subject.ts';
import { secretsInUrl } from './url-secrets.ts';

/** Where it is told that backups are made, and that they are not. */
export type AlarmsConfig = {
  /** May hold `{database}`; `undefined`: no heartbeat. */
  readonly heartbeatUrl: string | undefined;
  readonly endpoints: readonly NotifyEndpoint[];
};

/** Stands for the name of the database in a heartbeat's URL, so that each database has a check of its own. */
export const DATABASE_PLACEHOLDER = '{database}';

export const alarms = defineSubject({
  title: 'Alarms',
  variables: {
    HEARTBEAT_URL: {
      schema: z.string().trim().optional(),
      secret: secretsInUrl,
      description:
        'URL of a check at healthchecks.io or one that speaks its protocol: it is told when a dump begins, when a backup is confirmed, and when one failed for good. With `{database}` in it, each database has a check of its own (docs/alarms.md).',
    },
    NOTIFY_URLS: {
      schema: z.string().optional(),
      secret: (text) => splitNotifyUrls(text).flatMap(secretsInUrl),
      description:
        'URLs, with spaces or commas between them, of all who are told of an alarm and of its end: a webhook, Slack, Discord, ntfy, Telegram, mail (docs/alarms.md). `pgstow notify --test` tries them.',
    },
  },
  build: (values, report): AlarmsConfig => ({
    heartbeatUrl: readHeartbeatUrl(values.HEARTBEAT_URL, report),
    endpoints: readEndpoints(values.NOTIFY_URLS ?? '', report),
  }),
});

function readHeartbeatUrl(text: string | undefined, report: ReportFault): string | undefined {
  if (text === undefined) return undefined;
  const samples = ['a', 'b'].map((name) => text.replaceAll(DATABASE_PLACEHOLDER, name));
  const [url, other] = samples.map((sample) => (URL.canParse(sample) ? new URL(sample) : undefined));
  if (url === undefined || other === undefined || !/^https?:$/.test(url.protocol))
    report('HEARTBEAT_URL', 'expected a URL such as https://hc-ping.com/UUID');
  else if (url.origin !== other.origin || url.username !== other.username || url.password !== other.password)
    report('HEARTBEAT_URL', `holds ${DATABASE_PLACEHOLDER} elsewhere than in its path or query`);
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
