import { parseNotifyUrl } from '@pgstow/shared/config/values/notify-url.ts';
import { describe, expect, it } from 'vitest';
import { describeAlarm } from '../alarms/alarm-notification.ts';
import { bodyOf, type Notification } from '../notification.ts';
import { requestFor, type HttpNotifyEndpoint } from './service-request.ts';

const HOSTILE = '<!channel> @everyone <@U1> &amp; <b>*_`~|[a](http://e.example) \n# x';
const alarm = (database: string): Notification =>
  describeAlarm(
    { kind: 'dump-failed', database, reason: `cannot dump ${database}`, hint: 'Look.', safe: 'no backup of it.' },
    'default',
    new Date('2026-11-26T03:00:00Z'),
  );
const sent = (url: string, notification: Notification) => {
  const { body, ...rest } = requestFor(parseNotifyUrl(url)[0] as HttpNotifyEndpoint, notification);
  return { ...rest, text: body, json: JSON.parse(body) };
};

describe('what a service is sent', () => {
  it('is for a webhook JSON with everything in a field of its own', () => {
    const { url, headers, json } = sent('https://u:p@example.com/hook?a=b', alarm('shop'));
    expect({ url, headers }).toEqual({
      url: 'https://example.com/hook?a=b',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('u:p')}` },
    });
    expect(json).toEqual({
      version: 1,
      event: 'raised',
      severity: 'error',
      kind: 'dump-failed',
      site: 'default',
      database: 'shop',
      name: null,
      title: 'The dump of shop failed',
      body: 'The dump failed, and is not tried again before its next run: cannot dump shop\n\nStill safe: no backup of it.\n\nWhat to do: Look.\n\npgstow, 2026-11-26T03:00:00.000Z',
      happened: 'The dump failed, and is not tried again before its next run: cannot dump shop',
      safe: 'no backup of it.',
      hint: 'Look.',
      at: '2026-11-26T03:00:00.000Z',
    });
  });

  it('names for a webhook the server and the destination that an alarm is about', () => {
    const about = { ...alarm('shop'), server: 'prod', destination: 'nas' };
    expect(sent('https://example.com/hook', about).json).toMatchObject({ server: 'prod', destination: 'nas' });
  });

  it('calls nobody in Slack, and formats nothing', () => {
    const { text, json } = sent('slack://hook:T1-B1-key@webhook', alarm(HOSTILE));
    expect(text).not.toMatch(/[<>]/);
    expect(json.blocks.map((block: { text: { type: string } }) => block.text.type)).toEqual([
      'plain_text',
      'plain_text',
    ]);
    expect(json.blocks[0].text.text).toMatch(/&lt;!channel&gt; @everyone &lt;@U1&gt; &amp;amp;/);
    expect(json).toMatchObject({ mrkdwn: false, link_names: false });
  });

  it("is for Slack's API the same, with the channel and the token", () => {
    const { url, headers, json } = sent('slack://xoxb:1-2-key@C1', alarm('shop'));
    expect({ url, authorization: headers['authorization'] }).toEqual({
      url: 'https://slack.com/api/chat.postMessage',
      authorization: 'Bearer xoxb-1-2-key',
    });
    expect(json).toMatchObject({ channel: 'C1', text: 'The dump of shop failed' });
  });

  it('calls nobody in Discord, and formats nothing', () => {
    const { json } = sent('discord://token@1', alarm(HOSTILE));
    expect(json.allowed_mentions).toEqual({ parse: [] });
    const { title, description } = json.embeds[0] as { title: string; description: string };
    expect(title).toContain(String.raw`\<!channel\> \@everyone \<\@U1\>`);
    expect(`${title}${description}`.replaceAll(/\\./g, '')).not.toMatch(/[<>@*_`~|[\]#]/);
  });

  it('mentions nobody in Telegram, and formats nothing', () => {
    const { json } = sent('telegram://1:a@telegram?chats=-100:7', alarm(HOSTILE));
    expect(json).toMatchObject({ chat_id: '-100', message_thread_id: 7, parse_mode: 'HTML' });
    const [, title, rest] = /^<b>(.*)<\/b>\n\n(.*)$/s.exec(json.text) ?? [];
    expect(`${title}${rest}`).not.toMatch(/[<>]|@[\w]/);
    expect(`${title}${rest}`).not.toMatch(/&(?!amp;|lt;|gt;)/);
  });

  it('is for ntfy a title and a message, as urgent as it is', () => {
    const { url, headers, json } = sent('ntfy://ntfy.sh/topic?token=tk_1&tags=pg', alarm('shöp'));
    expect({ url, authorization: headers['authorization'] }).toEqual({
      url: 'https://ntfy.sh/',
      authorization: 'Bearer tk_1',
    });
    expect(json).toMatchObject({
      topic: 'topic',
      title: 'The dump of shöp failed',
      priority: 4,
      tags: ['rotating_light', 'pg'],
    });
    expect(sent('ntfy://ntfy.sh/t?priority=1', alarm('shop')).json.priority).toBe(1);
  });

  it('is as short as each takes it, whatever the error says', () => {
    const long = {
      ...alarm('shop'),
      ...describeAlarm(
        { kind: 'stale', database: '<'.repeat(63), reason: '&*'.repeat(5000), safe: '*'.repeat(5000) },
        'x',
        new Date(),
      ),
    };
    expect(Array.from(bodyOf(long)).length).toBeLessThan(2000);
    expect(sent('slack://hook:T-B-K@webhook', long).json.blocks[1].text.text.length).toBeLessThanOrEqual(3000);
    const [embed] = sent('discord://t@1', long).json.embeds;
    expect(embed.title.length).toBeLessThanOrEqual(256);
    expect(embed.description.length).toBeLessThanOrEqual(4096);
    expect(new TextEncoder().encode(sent('ntfy://n/t', long).json.message).length).toBeLessThan(4096);
  });

  it('shows an odd name in quotes, on one line', () => {
    expect(alarm('a\nhint: x"').title).toBe(String.raw`The dump of "a\nhint: x\"" failed`);
  });
});
