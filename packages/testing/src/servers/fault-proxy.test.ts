import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { hasRedis } from '../machine/capabilities.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { startRedis } from './redis-server.ts';
import { createS3TestClient } from './s3-client.ts';
import { startS3 } from './s3-server.ts';

/** A server that answers with the method, path and size of the request. */
async function startEcho() {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => (body += text));
    request.on('end', () => response.end(`${request.method} ${request.url} ${body.length} ${body.slice(0, 5)}`));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const send = async (url: string, body: string, init: RequestInit = {}) =>
  await (await fetch(url, { method: 'PUT', body, ...init })).text();

describe('startFaultProxy over HTTP', () => {
  it('passes requests and remembers them', async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy({ targetPort: echo.port });
    expect(await send(`${proxy.url}/a?b=c`, 'hello')).toBe('PUT /a?b=c 5 hello');
    expect(await (await fetch(`${proxy.url}/x`)).text()).toBe('GET /x 0 ');
    expect(proxy.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['PUT /a?b=c', 'GET /x']);
    expect(proxy.requestCount).toBe(2);
    expect(proxy.connectionCount).toBeGreaterThan(0);
  });

  it('refuses connections, then is well again on the same port', async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy({ targetPort: echo.port });
    await proxy.refuse();
    await expect(send(proxy.url, '')).rejects.toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: 'ECONNREFUSED' }) }),
    );
    await proxy.pass();
    expect(await send(proxy.url, 'well')).toBe('PUT / 4 well');
  });

  it('answers with a status, so many times and only where it should', async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy({ targetPort: echo.port });
    await proxy.status(503, { body: '<Error/>', times: 2, when: ({ path }) => path.startsWith('/bad') });
    const statuses = [];
    for (const path of ['/bad', '/good', '/bad', '/bad']) statuses.push((await fetch(proxy.url + path)).status);
    expect(statuses).toEqual([503, 200, 503, 200]);
  });

  it('resets in the middle of a body', async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy({ targetPort: echo.port });
    await proxy.reset({ afterBytes: 100_000, times: 1 });
    await expect(send(proxy.url, 'x'.repeat(5_000_000))).rejects.toThrow('fetch failed');
    expect(await send(proxy.url, 'x'.repeat(5_000_000))).toBe('PUT / 5000000 xxxxx');
    await proxy.reset();
    await expect(send(proxy.url, '')).rejects.toThrow('fetch failed');
  });

  it('hangs until the client gives up', async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy({ targetPort: echo.port });
    await proxy.hang();
    await expect(send(proxy.url, '', { signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
    await proxy.pass();
    expect(await send(proxy.url, 'well')).toBe('PUT / 4 well');
  });

  it('throttles and corrupts bodies', async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy({ targetPort: echo.port });
    await proxy.throttle(1_000_000);
    const before = performance.now();
    await send(proxy.url, 'x'.repeat(300_000));
    expect(performance.now() - before).toBeGreaterThan(250);
    await proxy.corrupt((chunk) => Buffer.from(chunk.toString('latin1').replace('h', 'H'), 'latin1'));
    expect(await send(proxy.url, 'hello')).toBe('PUT / 5 Hello');
  });

  it('stands between an S3 client and its server', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    using client = createS3TestClient({ ...s3, endpoint: proxy.url });
    await proxy.status(500, { times: 1 });
    await client.putObject('backups', 'large', Buffer.alloc(6_000_000));
    expect(await s3.listObjects('backups')).toMatchObject([{ key: 'large', sizeBytes: 6_000_000 }]);
    expect(proxy.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT']);
  });
});

describe.skipIf(!hasRedis())('startFaultProxy over TCP', () => {
  it('passes, hangs, resets and refuses', async () => {
    await using redis = await startRedis();
    await using proxy = await startFaultProxy({ targetPort: redis.port, protocol: 'tcp' });
    const open = async () => {
      const socket = connect(proxy.port, proxy.host).setEncoding('utf8');
      const seen = { data: '', error: '' };
      socket.on('data', (text: string) => (seen.data += text));
      socket.on('error', (error: NodeJS.ErrnoException) => (seen.error = error.code ?? ''));
      socket.write('PING\r\n');
      return { seen, socket };
    };
    const well = await open();
    await eventually(() => expect(well.seen.data).toBe('+PONG\r\n'));
    await proxy.hang();
    const hung = await open();
    await proxy.reset({ afterBytes: 3 });
    const broken = await open();
    await eventually(() => expect(broken.seen.error).toBe('ECONNRESET'));
    expect(hung.seen.data).toBe('');
    await proxy.refuse();
    await eventually(() => expect(well.socket.destroyed && hung.socket.destroyed).toBe(true));
    const refused = await open();
    await eventually(() => expect(refused.seen.error).toBe('ECONNREFUSED'));
    await proxy.pass();
    const again = await open();
    await eventually(() => expect(again.seen.data).toBe('+PONG\r\n'));
    again.socket.destroy();
  });
});
