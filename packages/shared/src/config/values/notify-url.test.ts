import { describe, expect, it } from 'vitest';
import { NotifyUrlError, parseNotifyUrl, schemeOf, splitNotifyUrls } from './notify-url.ts';

const read = (url: string) => parseNotifyUrl(url);

describe('a notification URL', () => {
  it('of a webhook is any of http and https, with its credentials as a header', () => {
    expect(read('https://hooks.example.com/a?b=c')).toEqual([
      { service: 'webhook', url: 'https://hooks.example.com/a?b=c', authorization: undefined },
    ]);
    expect(read('generic+http://b%C3%A4r:p%40ss@127.0.0.1:8080/a')).toEqual([
      {
        service: 'webhook',
        url: 'http://127.0.0.1:8080/a',
        authorization: `Basic ${Buffer.from('bär:p@ss').toString('base64')}`,
      },
    ]);
    expect(read('generic://example.com/x')[0]).toMatchObject({ url: 'https://example.com/x' });
  });

  it.each([
    'https://hooks.slack.com/services/T0AB/B1CD/keyKEY24',
    'slack://hook:T0AB-B1CD-keyKEY24@webhook?color=good',
  ])('of Slack leads to its webhook: %s', (url) => {
    expect(read(url)).toEqual([
      { service: 'slack', url: 'https://hooks.slack.com/services/T0AB/B1CD/keyKEY24', bot: undefined },
    ]);
  });

  it("of Slack may be a bot's, or lead to a server that takes the same", () => {
    expect(read('slack://xoxb:123-456-abc@C001CH4NN3L')).toEqual([
      {
        service: 'slack',
        url: 'https://slack.com/api/chat.postMessage',
        bot: { token: 'xoxb-123-456-abc', channel: 'C001CH4NN3L' },
      },
    ]);
    expect(read('slack+https://mattermost.example.com/hooks/key')[0]).toMatchObject({
      service: 'slack',
      url: 'https://mattermost.example.com/hooks/key',
    });
  });

  it('of Discord leads to its webhook, and to a thread', () => {
    const url = 'https://discord.com/api/webhooks/6938/W3dE2O_z-4';
    expect(read(url)).toEqual([{ service: 'discord', url }]);
    expect(read('discord://W3dE2O_z-4@6938')).toEqual([{ service: 'discord', url }]);
    expect(read('discord://W3dE2O_z-4@6938?thread_id=7')).toEqual([{ service: 'discord', url: `${url}?thread_id=7` }]);
  });

  it('of ntfy has a topic, and perhaps credentials, a priority and tags', () => {
    expect(read('ntfy://ntfy.sh/my-topic')).toEqual([
      {
        service: 'ntfy',
        url: 'https://ntfy.sh/',
        topic: 'my-topic',
        authorization: undefined,
        priority: undefined,
        tags: [],
      },
    ]);
    expect(read('ntfy://host:81/t?token=tk_1&priority=max&disableTLS=yes&tags=a,b')[0]).toMatchObject({
      url: 'http://host:81/',
      authorization: 'Bearer tk_1',
      priority: 5,
      tags: ['a', 'b'],
    });
    expect(read('ntfy+http://host/t?token=tk_2&priority=2')[0]).toMatchObject({
      url: 'http://host/',
      authorization: 'Bearer tk_2',
      priority: 2,
    });
    expect(read('ntfy://u:p@host/t')[0]).toMatchObject({ authorization: `Basic ${btoa('u:p')}` });
  });

  it('of Telegram has a token and chats, each an endpoint', () => {
    const url = 'https://api.telegram.org/bot110201543:AAHdq-T_c/sendMessage';
    expect(read('telegram://110201543:AAHdq-T_c@telegram?chats=@ops,-100123:7&notification=no')).toEqual([
      { service: 'telegram', url, chat: '@ops', thread: undefined, isSilent: true },
      { service: 'telegram', url, chat: '-100123', thread: 7, isSilent: true },
    ]);
    expect(read('telegram+http://1:a@bot.local:8081/api/?chats=5')[0]).toMatchObject({
      url: 'http://bot.local:8081/api/bot1:a/sendMessage',
      chat: '5',
    });
  });

  it('of mail has a server, a sender and recipients, and sends no password in clear unless told to', () => {
    expect(
      read('smtp://alerts%40example.com:p%2Fw@mail.example.com:587/?from=a@example.com&to=b+c@example.com,d@e.org'),
    ).toEqual([
      {
        service: 'email',
        host: 'mail.example.com',
        port: 587,
        tls: 'required',
        isTlsVerified: true,
        user: 'alerts@example.com',
        password: 'p/w',
        from: 'a@example.com',
        to: ['b+c@example.com', 'd@e.org'],
      },
    ]);
    const tlsOf = (server: string, more = '') => read(`${server}/?fromAddress=a@b.c&toAddresses=d@e.f${more}`)[0];
    expect(tlsOf('smtps://u:p@h')).toMatchObject({ port: 465, tls: 'implicit' });
    expect(tlsOf('smtp://u:p@h:465')).toMatchObject({ tls: 'implicit' });
    expect(tlsOf('smtp://h')).toMatchObject({ port: 25, tls: 'offered', user: undefined });
    expect(tlsOf('smtp://u:p@h', '&encryption=None')).toMatchObject({ tls: 'never' });
    expect(tlsOf('smtp://h', '&useStartTLS=no')).toMatchObject({ tls: 'never' });
    expect(tlsOf('smtp://h', '&skipTLSVerify=yes&requireStartTLS=yes')).toMatchObject({
      tls: 'required',
      isTlsVerified: false,
    });
    expect(tlsOf('smtp://[::1]:25')).toMatchObject({ host: '::1' });
  });

  it.each([
    'canary',
    'canary:canary',
    'pushover://canary@canary',
    'javascript://canary',
    'https://',
    'https://can ary/',
    'https://u:%ZZcanary@h/',
    'slack://hook:canary@webhook',
    'slack://T/B/canary',
    'slack://xoxb@canary',
    'slack+ftp://canary',
    'discord://canary@canary',
    'discord://6938',
    'ntfy://ntfy.sh/',
    'ntfy://ntfy.sh/canary/canary',
    'ntfy://ntfy.sh/t?priority=canary',
    'telegram://canary@telegram?chats=1',
    'telegram://1:canary@telegram',
    'telegram://1:canary@telegram?chats=canary',
    'smtp://u:canary@h/?to=a@b.c',
    'smtp://u:canary@h/?from=a@b.c',
    'smtp://u:canary@h/?from=canary&to=a@b.c',
    'smtp://u:canary@h/?from=a@b.c&to=a@b.c&encryption=canary',
    'smtp://u:canary@h:99999/?from=a@b.c&to=a@b.c',
  ])('that is none says what was expected, and nothing of what came: %s', (url) => {
    expect(() => read(url)).toThrow(NotifyUrlError);
    expect(() => read(url)).not.toThrow(/canary/);
    expect(schemeOf(url)).toMatch(/^(?:no scheme|[a-z+]+:\/\/)$/);
  });

  it('is one of a list, parted by white space and commas; commas within one part nothing', () => {
    expect(
      splitNotifyUrls(' https://a/x,slack://T/B/K , telegram://1:a@telegram?chats=1,2\n\tsmtp://h/?to=a@b.c,d@e.f,\n,'),
    ).toEqual(['https://a/x', 'slack://T/B/K', 'telegram://1:a@telegram?chats=1,2', 'smtp://h/?to=a@b.c,d@e.f']);
    expect(splitNotifyUrls(' , ')).toEqual([]);
  });
});
