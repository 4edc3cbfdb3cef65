import type { NotifyEndpoint } from '@pgstow/shared/config/values/notify-url.ts';
import { bodyOf, type Notification, type Severity } from '../notification.ts';

/** A POST of JSON. */
export type ServiceRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type HttpNotifyEndpoint = Exclude<NotifyEndpoint, { readonly service: 'email' }>;

/** Builds a service's request. A database's name can neither mention people nor format text. */
export function requestFor(endpoint: HttpNotifyEndpoint, notification: Notification): ServiceRequest {
  switch (endpoint.service) {
    case 'webhook':
      return post(endpoint.url, forWebhook(notification), endpoint.authorization);
    case 'slack':
      return post(
        endpoint.url,
        { ...forSlack(notification), ...(endpoint.bot && { channel: endpoint.bot.channel }) },
        endpoint.bot && `Bearer ${endpoint.bot.token}`,
      );
    case 'discord':
      return post(endpoint.url, forDiscord(notification));
    case 'telegram':
      return post(endpoint.url, {
        chat_id: endpoint.chat,
        ...(endpoint.thread === undefined ? {} : { message_thread_id: endpoint.thread }),
        ...forTelegram(notification),
        disable_notification: endpoint.isSilent,
      });
    case 'ntfy':
      return post(
        endpoint.url,
        {
          topic: endpoint.topic,
          title: notification.title,
          message: bodyOf(notification),
          priority: endpoint.priority ?? NTFY_PRIORITY[notification.severity],
          tags: [NTFY_TAG[notification.severity], ...endpoint.tags],
        },
        endpoint.authorization,
      );
    default:
      return endpoint satisfies never;
  }
}

function post(url: string, body: unknown, authorization?: string): ServiceRequest {
  return {
    url,
    headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
    body: JSON.stringify(body),
  };
}

/** Documented in docs/alarms.md: fields are added, never changed. */
function forWebhook(notification: Notification): object {
  const { event, severity, kind, site, server, database, destination, name, title, happened, safe, hint, at } =
    notification;
  return {
    version: 1,
    event,
    severity,
    kind: kind ?? null,
    site,
    ...(server === undefined ? {} : { server }),
    database: database ?? null,
    ...(destination === undefined ? {} : { destination }),
    name: name ?? null,
    title,
    body: bodyOf(notification),
    happened,
    safe,
    hint,
    at,
  };
}

/**
 * Plain text without formatting; Slack's three control characters are escaped. Phones show `text`.
 * Source: https://docs.slack.dev/messaging/formatting-message-text/#escaping
 */
function forSlack(notification: Notification): object {
  // A block's limit counts escaped text.
  const plain = (text: string, length: number) => ({
    type: 'plain_text',
    text: escapeSlack(text).slice(0, length),
    emoji: false,
  });
  return {
    text: escapeSlack(notification.title),
    mrkdwn: false,
    link_names: false,
    unfurl_links: false,
    blocks: [
      { type: 'header', text: plain(notification.title, 150) },
      { type: 'section', text: plain(bodyOf(notification), 3000) },
    ],
  };
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Sources: https://discord.com/developers/docs/resources/webhook#execute-webhook, .../message#allowed-mentions-object */
function forDiscord(notification: Notification): object {
  return {
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: escapeMarkdown(notification.title),
        description: escapeMarkdown(bodyOf(notification)),
        color: COLOR[notification.severity],
        timestamp: notification.at,
      },
    ],
  };
}

/** A backslash makes any ASCII punctuation plain in Markdown, and `@`, `#` and `<` plain to Discord. */
function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\*_~`|<>#@[\]()]|^[-+=]|(?<=^\d+)\./gm, String.raw`\$&`);
}

/**
 * A word joiner after an `@` prevents a mention, which no markup does.
 * Source: https://core.telegram.org/bots/api#html-style
 */
function forTelegram(notification: Notification): object {
  const escape = (text: string): string => escapeSlack(text).replaceAll('@', '@\u2060');
  return {
    text: `<b>${escape(notification.title)}</b>\n\n${escape(bodyOf(notification))}`,
    parse_mode: 'HTML',
    link_preview_options: { is_disabled: true },
  };
}

const COLOR: Readonly<Record<Severity, number>> = {
  critical: 0xb0_00_20,
  error: 0xd9_30_25,
  warning: 0xf2_99_00,
  info: 0x18_80_38,
};

/** 1 to 5, https://docs.ntfy.sh/publish/#message-priority */
const NTFY_PRIORITY: Readonly<Record<Severity, number>> = { critical: 5, error: 4, warning: 3, info: 3 };
const NTFY_TAG: Readonly<Record<Severity, string>> = {
  critical: 'rotating_light',
  error: 'rotating_light',
  warning: 'warning',
  info: 'white_check_mark',
};
