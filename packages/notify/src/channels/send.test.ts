import { parseNotifyUrl } from '@pgstow/shared/config/values/notify-url.ts';
import { freePort } from '@pgstow/testing/servers/free-port.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startMailServer } from '@pgstow/testing/servers/mail-server.ts';
import { describe, expect, it } from 'vitest';
import { describeAlarm, describeTest } from '../alarms/alarm-notification.ts';
import { nameEndpoint } from './notify.ts';
import { notify } from './notify.ts';

const CANARY = 'cAnArY0123456789abcdef';
const never = new AbortController().signal;
const test = describeTest('paris', new Date());
const deliver = (urls: readonly string[], notification = test, signal = never) =>
  notify(urls.flatMap(parseNotifyUrl), notification, signal);
const faultOf = async (url: string) => (await deliver([url]))[0]?.fault;

describe.concurrent('a notification', () => {
  it('reaches every service, all at the same time', async () => {
    await using server = await startHttpEndpoint();
    const at = (service: string, rest: string) => `${service}+http://${rest.replace('HOST', server.host)}`;
    const urls = [
      `${server.url}/webhook`,
      at('slack', 'HOST/slack'),
      at('discord', 'HOST/discord'),
      at('ntfy', 'HOST/topic'),
      at('telegram', '123:abc@HOST/api?chats=@ops,5'),
    ];
    const deliveries = await deliver(urls);
    expect(deliveries.map(({ fault }) => fault)).toEqual(Array(6).fill(undefined));
    expect(server.requests.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'POST /',
      'POST /api/bot123:abc/sendMessage',
      'POST /api/bot123:abc/sendMessage',
      'POST /discord',
      'POST /slack',
      'POST /webhook',
    ]);
  });

  it('is tried twice more while it may pass, and then taken', async () => {
    await using server = await startHttpEndpoint();
    server.answer(200, 500, 429);
    expect(await faultOf(`${server.url}/`)).toBeUndefined();
    expect(server.requests).toHaveLength(3);
    server.answer('cut');
    expect(await faultOf(`${server.url}/`)).toMatch(/the connection was cut/);
    expect(server.requests).toHaveLength(6);
    server.answer(503);
    expect(await faultOf(`${server.url}/`)).toBe('the server answered 503');
    expect(server.requests).toHaveLength(9);
  });

  it('is not tried again where that would not help, and says what the service said, on one line', async () => {
    await using server = await startHttpEndpoint();
    server.answer((response) => response.writeHead(404).end('no\nsuch\u0000 hook'));
    expect(await faultOf(`${server.url}/`)).toBe('the server answered 404');
    expect(await faultOf(`slack+${server.url}/`)).toBe('the server answered 404: no such hook');
    server.answer((response) => response.writeHead(301, { location: 'http://127.0.0.1:9/' }).end());
    expect(await faultOf(`${server.url}/`)).toMatch(/^the server answered 301 \(a redirect/);
    expect(server.requests).toHaveLength(3);
  });

  it('that cannot be sent says why, and nothing secret', async () => {
    const deliveries = await deliver([
      `http://no-such-host.invalid/${CANARY}`,
      `http://127.0.0.1:${await freePort()}/${CANARY}`,
      `smtp://u:${CANARY}@127.0.0.1:9/?from=a@example.com&to=b@example.com&encryption=None`,
    ]);
    expect(deliveries.map(({ fault }) => fault)).toEqual([
      expect.stringMatching(/there is no such host|could not be resolved/),
      expect.stringMatching(/refused/),
      expect.stringMatching(/refused/i),
    ]);
    expect(JSON.stringify(deliveries)).not.toContain(CANARY);
  });

  it('to an endpoint that hangs keeps none of the others waiting, and ends when it must', async () => {
    await using hanging = await startHttpEndpoint();
    await using server = await startHttpEndpoint();
    hanging.answer('hang');
    const ended = new AbortController();
    const deliveries = deliver([`${hanging.url}/`, `${server.url}/`], test, ended.signal);
    await hanging.received(() => true);
    // While the other, that came first, has no answer.
    await server.received(() => true);
    ended.abort(new Error('the process ends'));
    expect((await deliveries)[0]?.fault).toBe('the process ends');
  });

  it('has ten seconds for each attempt, whatever trickles in', async () => {
    await using server = await startHttpEndpoint();
    // Two attempts that fail at once, and one that does not end.
    server.answer((response) => void response.writeHead(200).write('a'), 500, 500);
    expect(await faultOf(`${server.url}/`)).toBe('no answer within 10 s');
  });
});

describe.concurrent('mail', () => {
  const login = { user: 'alerts@example.com', password: `p@ss/${CANARY}` };
  const urlOf = ({ host, port }: { host: string; port: number }, password = login.password, more = '') =>
    `smtp://${encodeURIComponent(login.user)}:${encodeURIComponent(password)}@${host}:${port}/?from=pgstow@example.com&to=ops+db@example.com,b@example.com&encryption=None${more}`;

  it('is handed over with its login, as text, whatever the database is named', async () => {
    await using server = await startMailServer(login);
    const alarm = describeAlarm(
      {
        kind: 'restore-test-bad',
        database: 'ä\r\nBcc: evil@example.com\r\n\r\n<b>',
        reason: 'rows differ',
        safe: 'no backup of it.',
      },
      'default',
      new Date(),
    );
    expect(await deliver([urlOf(server)], alarm)).toEqual([
      { name: `mail to ops+db@example.com, b@example.com through 127.0.0.1:${server.port}`, fault: undefined },
    ]);
    const [mail] = server.mails;
    expect(mail).toMatchObject({ from: 'pgstow@example.com', to: ['ops+db@example.com', 'b@example.com'] });
    expect(mail?.source).toMatch(/^Content-Type: text\/plain/m);
    expect(mail?.source).not.toMatch(/^Bcc:/im);
  });

  it('with a wrong password is refused at once, without a word of it', async () => {
    await using server = await startMailServer(login);
    const [delivery] = await deliver([urlOf(server, `${CANARY}x`)]);
    expect(delivery?.fault).toMatch(/^the server answered 535 .*wrong user or password/);
    expect(JSON.stringify(delivery)).not.toContain(CANARY);
  });

  it('is not sent in clear with a password unless its URL says so', async () => {
    await using server = await startMailServer(login);
    expect(await faultOf(urlOf(server).replace('&encryption=None', ''))).toMatch(
      /makes no TLS connection; .*encryption=None/,
    );
    expect(server.mails).toEqual([]);
  });

  it('that is refused for one of its recipients is told of', async () => {
    await using server = await startMailServer();
    const url = `smtp://127.0.0.1:${server.port}/?from=a@example.com&to=x@nobody.example.com,b@example.com`;
    expect(await faultOf(url)).toBe('the server refused 1 of 2 recipients');
    expect(server.mails.map(({ to }) => to)).toEqual([['b@example.com']]);
  });
});

it('an endpoint is named without anything secret', () => {
  const names = [
    `https://u:${CANARY}@example.com:8443/${CANARY}?a=${CANARY}`,
    `slack://hook:T-B-${CANARY}@webhook`,
    `discord://${CANARY}@1`,
    `ntfy://:${CANARY}@ntfy.sh/${CANARY}`,
    `telegram://1:${CANARY}@telegram?chats=@ops`,
  ]
    .flatMap(parseNotifyUrl)
    .map(nameEndpoint);
  expect(names).toEqual([
    'webhook at example.com:8443',
    'slack at hooks.slack.com',
    'discord at discord.com',
    'ntfy at ntfy.sh',
    'telegram to @ops through api.telegram.org',
  ]);
});
