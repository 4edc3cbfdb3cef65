import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually, type EventuallyOptions } from '../eventually.ts';

export interface RecordedRequest {
  readonly method: string;
  /** The path and the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON, or `undefined` if it is not JSON. */
  readonly json: unknown;
}

export type Answer = number | 'hang' | 'cut' | ((response: ServerResponse) => void);

/** An HTTP server that records its requests and answers as the test says. */
export interface HttpEndpoint extends AsyncDisposable {
  /** The address, without a slash at its end. */
  readonly url: string;
  readonly host: string;
  readonly requests: readonly RecordedRequest[];
  /** Sets the answer to every request, 200 at first. `next` answers the next requests alone. */
  answer(each: Answer, ...next: readonly Answer[]): void;
  /** The first request that fits, whether it has come or is still to come. */
  received(fits: (request: RecordedRequest) => boolean, options?: EventuallyOptions): Promise<RecordedRequest>;
}

export async function startHttpEndpoint(): Promise<HttpEndpoint> {
  const requests: RecordedRequest[] = [];
  let always: Answer = 200;
  let queue: Answer[] = [];
  const server = createServer((request, response) => {
    const record = async (): Promise<void> => {
      const { method = '', url: path = '', headers } = request;
      const body = await text(request);
      requests.push({ method, path, headers, body, json: parseJson(body) });
      give(queue.shift() ?? always, response);
    };
    // A client that breaks off amid its request has sent none.
    record().catch(() => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests,
    answer: (each, ...next) => {
      always = each;
      queue = [...next];
    },
    received: (fits, options) => eventually<RecordedRequest | null>(() => requests.find(fits) ?? null, options),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function give(answer: Answer, response: ServerResponse): void {
  if (answer === 'hang') return;
  if (answer === 'cut') response.destroy();
  else if (typeof answer === 'function') answer(response);
  else response.writeHead(answer).end(answer < 400 ? 'OK' : 'no');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
