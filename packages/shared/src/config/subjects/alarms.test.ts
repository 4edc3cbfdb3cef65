import { describe, expect, it } from 'vitest';
import { createRedact } from '../../runtime/log/redact.ts';
import { readConfig } from '../read-config.ts';
import { alarms } from './alarms.ts';

const CANARY = 'cAnArY7d1f8e2b9a';
const read = (env: Readonly<Record<string, string>>) => readConfig(env, { alarms }, [alarms]);

describe('the configuration of alarms', () => {
  it('has no heartbeat and nobody to tell unless told', () => {
    expect(read({}).config.alarms).toEqual({ heartbeatUrl: undefined, endpoints: [] });
  });

  it('takes a heartbeat for all or for each database', () => {
    for (const url of ['https://hc-ping.com/5f1a', 'http://127.0.0.1:8/ping/key/{database}-dump?create=1'])
      expect(read({ HEARTBEAT_URL: url }).config.alarms.heartbeatUrl).toBe(url);
  });

  it.each([
    'hc-ping.com/x',
    'ftp://a/b',
    `//${CANARY}`,
    `https://{database}.${CANARY}/`,
    `https://u{database}:${CANARY}@h/`,
  ])('refuses a heartbeat that is none, without a word of it: %s', (HEARTBEAT_URL) => {
    expect(() => read({ HEARTBEAT_URL })).toThrow(/HEARTBEAT_URL: (?:expected a URL|holds \{database\})/);
    expect(() => read({ HEARTBEAT_URL })).not.toThrow(CANARY);
  });

  it('names the entry that does not parse by its place and scheme, and shows nothing else of it', () => {
    const NOTIFY_URLS = `https://example.com/${CANARY} slack://${CANARY}@x, ${CANARY} smtp://u:${CANARY}@h/?to=a@b.c`;
    expect(() => read({ NOTIFY_URLS })).toThrow(
      /NOTIFY_URLS: entry 2 \(slack:\/\/\) expected slack:.*; entry 3 \(no scheme\) expected https.*; entry 4 \(smtp:\/\/\) expected one sender/,
    );
    expect(() => read({ NOTIFY_URLS })).not.toThrow(CANARY);
  });

  it.each([
    `https://hooks.slack.com/services/T000/B000/${CANARY}`,
    `slack://hook:T000-B000-${CANARY}@webhook`,
    `slack://xoxb:1-2-${CANARY}@C1`,
    `discord://${CANARY}@123`,
    `ntfy://ntfy.sh/${CANARY}`,
    `ntfy://:${CANARY}@ntfy.sh/t`,
    `ntfy://ntfy.sh/t?token=${CANARY}`,
    `telegram://1234:${CANARY}@telegram?chats=@ops`,
    `smtp://user%40example.com:${CANARY}@mail.example.com/?from=user@example.com&to=ops@example.com&encryption=None`,
    `https://user:${CANARY}@example.com/`,
    `https://example.com/x?key=${CANARY}`,
    `https://example.com/x?${CANARY}=`,
    `https://example.com/a/%63%64${CANARY}`,
  ])('keeps what is secret in %s from every log, and nothing else', (url) => {
    const { secrets } = read({ NOTIFY_URLS: `https://other.example.com/a ${url}` });
    const redact = createRedact(secrets);
    expect(redact(`could not reach ${url}`)).not.toContain(CANARY);
    expect(redact(`what came: ${CANARY}!`)).toMatch(/^what came: (?:\[redacted\]!|cAnArY)/);
    for (const line of [
      'user@example.com to ops@example.com through mail.example.com:587',
      'ntfy.sh',
      'None',
      '/a',
      'shop',
    ])
      expect(redact(line)).toBe(line);
  });

  it("keeps a heartbeat's key from every log", () => {
    const { secrets } = read({ HEARTBEAT_URL: `https://hc-ping.com/${CANARY}/{database}?create=1` });
    expect(createRedact(secrets)(`${CANARY} https://hc-ping.com/${CANARY}/shop`)).not.toContain(CANARY);
    expect(createRedact(secrets)('shop hc-ping.com')).toBe('shop hc-ping.com');
  });
});
