import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasCommand, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { freePort } from '@pgstow/testing/servers/free-port.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { ask, pointsTo, type Asked } from '../stage/browser/board-visitor.ts';
import { followLink, goTo, isCut, seeText } from '../stage/browser/go-to.ts';
import { hasBrowser, launchBrowser } from '../stage/browser/launch-browser.ts';
import { failUpload } from '../stage/faults/fail-upload.ts';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import { readAddresses, readBlocks, startCaddy, startNginx, type Proxy } from '../stage/processes/start-proxy.ts';
import { BOARD_PASSWORD, BOARD_USER, startScheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo, publish, publishedCatalog } from '../stage/publish-catalog.ts';

type StartProxy = (block: string, schedulerPort: number) => Promise<Proxy>;

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const [onHost, underPath] = await readAddresses();
const [nginxOnHost, nginxUnderPath] = await readBlocks('nginx');
const [caddyOnHost, caddyUnderPath] = await readBlocks('caddyfile');
const CASES: readonly (readonly [name: string, program: string, start: StartProxy, block: string, address: string])[] =
  [
    ['nginx, under a host name', 'nginx', startNginx, nginxOnHost, onHost],
    ['nginx, under a path', 'nginx', startNginx, nginxUnderPath, underPath],
    [
      'nginx, under a path that it takes away',
      'nginx',
      startNginx,
      nginxUnderPath.replace(':3000;', ':3000/;'),
      underPath,
    ],
    ['nginx that does not pass Host on', 'nginx', startNginx, withoutHost(nginxUnderPath), underPath],
    ['caddy, under a host name', 'caddy', startCaddy, caddyOnHost, onHost],
    ['caddy, under a path', 'caddy', startCaddy, caddyUnderPath, underPath],
    ['caddy, under a path that it takes away', 'caddy', startCaddy, withoutPath(caddyUnderPath), underPath],
  ];
/** The page's host names lead to this machine. No other name is resolved: the board's policy refuses fonts from elsewhere. */
const NAMES = '--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP * ~NOTFOUND';

describe.skipIf(!hasRedis())('behind', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let dumps: OpenQueue<'dump'> & AsyncDisposable;
  let uploads: OpenQueue<'upload'> & AsyncDisposable;
  let tests: OpenQueue<'verify'> & AsyncDisposable;
  let browser: Browser;
  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
    dumps = cleanup.use(openQueue('dump', 'default', redis));
    uploads = cleanup.use(openQueue('upload', 'default', redis));
    tests = cleanup.use(openQueue('verify', 'default', redis));
    if (hasBrowser) browser = await launchBrowser(NAMES);
  });
  afterAll(async () => {
    await browser?.close();
    await cleanup.disposeAsync();
  });
  beforeEach(async () => {
    await server.flush();
    await publish(redis, 'default', publishedCatalog({ shop: [{ takenAt: hoursAgo(1), bytes: 1000 }] }));
  });

  describe.each(CASES)('%s', (_name, program, start, block, address) => {
    test.skipIf(!canStart(program, block))(
      `page, board and buttons work (skipped without ${program} or openssl)`,
      async () => {
        await using stage = await setUp(start, block, address);
        const { href, origin } = stage.address;
        const asked = (method: string, url: URL, more: Asked = {}) =>
          ask(url, { method, ...more, headers: { origin, 'sec-fetch-site': 'same-origin', ...more.headers } });

        // The address works without a slash at its end too.
        const page = await ask(new URL(href.replace(/\/$/, '')));
        expect([page.status, page.text]).toEqual([200, expect.stringContaining('<h3>shop</h3>')]);
        expect((await ask(new URL(href), { headers: { authorization: '' } })).status).toBe(401);
        const links = pointsTo(page, /<a href="([^"]+)"/g);
        expect(links.length).toBeGreaterThan(2);
        for (const link of links)
          expect([link.href, (await ask(link)).status]).toEqual([link.href, expect.toSatisfy(isAnswer)]);

        const board = await ask(
          links.find(({ pathname }) => pathname.endsWith('/queues')) ?? fail('no link to the board'),
        );
        const files = pointsTo(board, /<(?:script defer src|link href|link [^>]*id="fav-logo" href)="([^"]+)"/g);
        const own = files.filter((file) => file.origin === origin);
        expect(own.length).toBeGreaterThan(4);
        for (const file of own) {
          const { status, headers } = await ask(file);
          expect([file.href, status, headers['content-type']]).toEqual([
            file.href,
            200,
            expect.not.stringMatching(/html/),
          ]);
        }
        const api = (path: string) => new URL(`api/queues${path}`, pointsTo(board, /<base href="([^"]+)"/g)[0]);
        expect(await ask(api(''))).toMatchObject({ status: 200, text: expect.stringContaining('"upload"') as string });

        expect(await asked('PUT', api('/dump/pause'))).toMatchObject({ status: 200 });
        expect(await dumps.isPaused()).toBe(true);
        // Some browsers send the origin alone.
        expect(await ask(api('/dump/resume'), { method: 'PUT', headers: { origin } })).toMatchObject({ status: 200 });
        expect(await dumps.isPaused()).toBe(false);
        for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
          expect(await ask(api('/dump/pause'), { method: 'PUT', headers })).toMatchObject({ status: 403 });

        const [form] = pointsTo(page, /<form method="post" action="([^"]+restore-test)"/g);
        const token = /name="token" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
        const body = new URLSearchParams({ token, database: 'shop' }).toString();
        const after = await asked('POST', form ?? fail('no form'), { headers: FORM, body });
        expect([after.url.pathname, after.text]).toEqual([
          stage.address.pathname.replace(/\/?$/, '/'),
          expect.stringContaining('A restore test of the newest backup of shop is requested.'),
        ]);
        expect(await tests.getJobs(['waiting'])).toMatchObject([{ name: 'ad-hoc' }]);
      },
    );

    test.skipIf(!canStart(program, block) || !hasBrowser)(
      `a person presses buttons in a browser (skipped without ${program}, openssl or chromium)`,
      async () => {
        await using stage = await setUp(start, block, address);
        await using visit = await openPage(browser);
        const { page, faults } = visit;
        const failed = await failUpload(uploads, server.url, 1);
        await goTo(page, stage.address.href);
        await page.getByRole('button', { name: 'Test restore now: shop' }).click();
        expect(await page.getByRole('status').textContent()).toContain('is requested');
        await followLink(page, 'See its job');
        await seeText(page, /^verify\.backup_shop_/);
        await goTo(page, stage.address.href);
        await followLink(page, 'Job queues');
        await page.getByRole('link', { name: 'upload' }).first().click();
        await seeText(page, failed);
        await page.locator('button:has(.lucide-refresh-cw)').last().click();
        await page.getByRole('button', { name: 'Confirm' }).click();
        await eventually(async () => (await uploads.getJobState(failed)) === 'waiting');
        // A reload stays at the same place of the board.
        await page.reload();
        await seeText(page, failed);
        expect(faults).toEqual([]);
      },
    );
  });

  describe('nginx without TLS that does not pass Host on', () => {
    const plain = withoutHost(nginxOnHost)
      .replace(' ssl;', ';')
      .replaceAll(/^ *ssl_.*\n/gm, '');
    const address = onHost.replace('https:', 'http:');
    const isThere = hasCommand('nginx');

    test.skipIf(!isThere)(
      'a browser’s button works where BOARD_URL says the address (skipped without nginx)',
      async () => {
        await using said = await setUp(startNginx, plain, address);
        const press = { method: 'POST', headers: { ...FORM, origin: said.address.origin } };
        expect(await ask(new URL('dump', said.address), press)).toMatchObject({ status: 200 });
      },
    );

    test.skipIf(!isThere)('and learns what to set if it does not (skipped without nginx)', async () => {
      await using silent = await setUp(startNginx, plain, address, false);
      const { origin } = silent.address;
      const press = { method: 'POST', headers: { ...FORM, origin } };
      expect(await ask(new URL('dump', silent.address), press)).toMatchObject({
        status: 403,
        text: expect.stringMatching(
          new RegExp(`^Refused: a page of ${origin} sends this to 127.0.0.1:\\d+, .* set BOARD_URL to the address`),
        ) as string,
      });
    });

    test.skipIf(!isThere || !hasBrowser)(
      'a person presses a button in a browser (skipped without nginx or chromium)',
      async () => {
        await using stage = await setUp(startNginx, plain, address);
        await using visit = await openPage(browser);
        await goTo(visit.page, stage.address.href);
        await visit.page.getByRole('button', { name: 'Test restore now: shop' }).click();
        expect(await visit.page.getByRole('status').textContent()).toContain('is requested');
        expect(visit.faults).toEqual([]);
      },
    );
  });

  type Stage = AsyncDisposable & { readonly address: URL };

  /** Starts proxy and scheduler. `address` is BOARD_URL with another port; it is set if `isSaid`. */
  async function setUp(start: StartProxy, block: string, address: string, isSaid = true): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    // Both need the other's port.
    const port = await freePort();
    const proxy = stack.use(await start(block, port));
    const shown = new URL(address);
    shown.port = String(proxy.port);
    const env = { REDIS_URL: server.url, BOARD_PORT: String(port), ...(isSaid ? { BOARD_URL: shown.href } : {}) };
    stack.use(await startScheduler(env));
    const owned = stack.move();
    return { address: shown, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }
});

async function openPage(
  browser: Browser,
): Promise<AsyncDisposable & { readonly page: Page; readonly faults: readonly string[] }> {
  const page = await browser.newPage({
    httpCredentials: { username: BOARD_USER, password: BOARD_PASSWORD },
    ignoreHTTPSErrors: true,
  });
  const faults: string[] = [];
  const failures: string[] = [];
  page.on('requestfailed', (request) => failures.push(`${request.failure()?.errorText} ${request.url()}`));
  page.on('pageerror', ({ message }) => {
    // It follows from a request that was lost on the way.
    if (!/^Loading (CSS )?chunk/.test(message) || !failures.some(isCut)) faults.push(message);
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && response.status() !== 401) faults.push(`${response.status()} ${response.url()}`);
  });
  onTestFailed(async () => {
    const shown = await page.content().catch(() => 'no page');
    console.error([...faults, ...failures, page.url(), shown].join('\n'));
  });
  return { page, faults, [Symbol.asyncDispose]: () => page.close() };
}

function canStart(program: string, block: string): boolean {
  return hasCommand(program) && (!block.includes('ssl_certificate') || hasCommand('openssl'));
}

function withoutHost(block: string): string {
  return block.replace(/^ *proxy_set_header Host .*\n/m, '');
}

function withoutPath(block: string): string {
  return block.replace(/^\t@[^}]*/m, '\thandle_path /pgstow* {\n\t\treverse_proxy 127.0.0.1:3000\n\t}\n');
}

/** The page links to /healthz, which is unhealthy without workers. */
function isAnswer(status: number): boolean {
  return status === 200 || status === 503;
}

function fail(what: string): never {
  throw new Error(what);
}
