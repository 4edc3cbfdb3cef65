import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { createRedact } from '@pgstow/shared/runtime/log/redact.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { describe, expect, it } from 'vitest';
import { Background } from '../background.ts';
import { Heartbeat } from './heartbeat.ts';

const redact = createRedact(['geheim']);
const log = createLog('test', 'silent', redact);

describe.concurrent('a heartbeat', () => {
  it('arrives in its order for each database, though the first ping is slow, with one id for a run', async () => {
    await using server = await startHttpEndpoint();
    server.answer(200, (response) => void setTimeout(() => response.end(), 500));
    await using background = new Background(log, redact);
    const heartbeat = new Heartbeat({ url: `${server.url}/ping/{database}?create=1`, background, log, redact });
    heartbeat.starts('my db', 'a');
    heartbeat.succeeds('my db', 'a');
    heartbeat.fails('my db', 'b', `it is geheim ${'x'.repeat(5000)}`);
    await eventually(() => expect(server.requests).toHaveLength(3));
    const [start, success, fail] = server.requests.map(({ method, path }) => `${method} ${path}`);
    const rid = /rid=([\w-]{36})$/.exec(start ?? '')?.[1];
    expect({ start, success }).toEqual({
      start: `GET /ping/my%20db/start?create=1&rid=${rid}`,
      success: `GET /ping/my%20db?create=1&rid=${rid}`,
    });
    expect(fail).toMatch(/^POST \/ping\/my%20db\/fail\?create=1&rid=/);
    expect(fail).not.toContain(rid);
    expect(server.requests[2]?.body).toMatch(/^it is \[redacted\] x{900}/);
    expect(server.requests[2]?.body.length).toBe(1000);
  });

  it('without a URL says nothing; one whose host is not there, or that is refused, fails nothing', async () => {
    await using server = await startHttpEndpoint();
    server.answer(404);
    for (const url of [undefined, 'http://no-such-host.invalid/x', `${server.url}/x`]) {
      await using background = new Background(log, redact);
      const heartbeat = new Heartbeat({ url, background, log, redact });
      heartbeat.starts('shop', 'a');
      heartbeat.succeeds('shop', 'a');
    }
    expect(server.requests).toHaveLength(2);
  });

  it('is tried again, but for a start', async () => {
    await using server = await startHttpEndpoint();
    server.answer(200, 503, 503);
    await using background = new Background(log, redact);
    const heartbeat = new Heartbeat({ url: `${server.url}/x`, background, log, redact });
    heartbeat.starts('shop', 'a');
    heartbeat.succeeds('shop', 'a');
    await eventually(() => expect(server.requests).toHaveLength(3));
    expect(server.requests.map(({ path }) => path.split('?')[0])).toEqual(['/x/start', '/x', '/x']);
  });
});
