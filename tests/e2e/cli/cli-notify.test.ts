import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startMailServer } from '@pgstow/testing/servers/mail-server.ts';
import { describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';

const CANARY = 'cAnArY0123456789abcdef';
const notify = (NOTIFY_URLS: string, args: readonly string[] = ['--test']) =>
  runCli(['notify', ...args], { NOTIFY_URLS, SITE: 'paris' });

describe.concurrent('pgstow notify --test', () => {
  it('sends each a test, says who took it, and exits 0', async () => {
    await using endpoint = await startHttpEndpoint();
    await using mail = await startMailServer({ user: 'u', password: CANARY });
    const { code, stdout, stderr } = await notify(
      [
        `${endpoint.url}/${CANARY}`,
        `slack+${endpoint.url}/hooks/${CANARY}`,
        `ntfy+http://:${CANARY}@${endpoint.host}/topic`,
        `smtp://u:${CANARY}@${mail.host}:${mail.port}/?from=a@example.com&to=b@example.com&encryption=None`,
      ].join(' '),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `taken      webhook at ${endpoint.host}`,
      `taken      slack at ${endpoint.host}`,
      `taken      ntfy at ${endpoint.host}`,
      `taken      mail to b@example.com through ${mail.host}:${mail.port}`,
    ]);
    expect(endpoint.requests.find(({ path }) => path === `/${CANARY}`)?.json).toMatchObject({
      event: 'test',
      severity: 'info',
      kind: null,
      site: 'paris',
    });
    expect(mail.mails[0]?.source).toMatch(/^Subject: \[pgstow\] A test/m);
  });

  it('says who did not take it and why, without what is secret, and exits 1', async () => {
    await using endpoint = await startHttpEndpoint();
    endpoint.answer((response) => response.writeHead(403).end(`no such hook: /${CANARY}`));
    const { code, stdout, stderr } = await notify(
      `discord+${endpoint.url}/${CANARY},http://no-such-host.invalid/${CANARY}`,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^NOT TAKEN {2}discord at .*: the server answered 403: no such hook: .*\[redacted\]$/m);
    expect(stdout).toMatch(/^NOT TAKEN {2}webhook at no-such-host\.invalid: /m);
    expect(stderr).toBe('pgstow: 2 of 2 did not take it');
    expect(stdout).not.toContain(CANARY);
  });

  it.each([
    {
      what: 'nobody to tell',
      urls: '',
      args: ['--test'],
      says: /NOTIFY_URLS is not set[^]*hint: See docs\/alarms\.md/,
    },
    { what: 'a URL that does not parse', urls: `slack://${CANARY}`, args: ['--test'], says: /entry 1 \(slack:\/\/\)/ },
    { what: 'nothing to do', urls: '', args: [], says: /--test/ },
  ])('exits 2 with $what', async ({ urls, args, says }) => {
    const { code, stderr } = await notify(urls, args);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
    expect(stderr).not.toContain(CANARY);
  });
});
