import { once } from 'node:events';
import { createServer as createHttpServer, request, Server as HttpServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface FaultProxyOptions {
  readonly targetPort: number;
  /** `http` (unless given) understands requests; `tcp` passes bytes, for Redis and PostgreSQL, and knows no `status`. */
  readonly protocol?: 'http' | 'tcp';
}

export interface SeenRequest {
  readonly method: string;
  /** The path with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FaultLimits {
  /** Selects the requests that meet the fault (HTTP alone); the others pass. */
  readonly when?: (request: SeenRequest) => boolean;
  /** The number of requests (for TCP: connections) that meet the fault; later ones pass. */
  readonly times?: number;
}

export interface FaultProxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The newest 10,000 requests, with those that met a fault. */
  readonly requests: readonly SeenRequest[];
  readonly requestCount: number;
  readonly connectionCount: number;
  /** Lets everything through. */
  pass(): Promise<void>;
  /** Resets all connections and closes the port: the client gets ECONNREFUSED. */
  refuse(): Promise<void>;
  /** Resets the connection once more than `afterBytes` of the request's body (for TCP: from the client) have come. */
  reset(fault?: FaultLimits & { readonly afterBytes?: number }): Promise<void>;
  /** Accepts connections, reads nothing and never answers, even after a later switch. */
  hang(fault?: FaultLimits): Promise<void>;
  /** Answers in the target's place; nothing reaches the target. */
  status(code: number, fault?: FaultLimits & { readonly body?: string }): Promise<void>;
  /** Lets the client's bytes through at this speed. */
  throttle(bytesPerSecond: number, fault?: FaultLimits): Promise<void>;
  /** Changes the body of the client's request, chunk by chunk; its length must stay. */
  corrupt(change: (chunk: Buffer) => Buffer, fault?: FaultLimits): Promise<void>;
}

type Mode = FaultLimits &
  (
    | { readonly kind: 'pass' | 'refuse' | 'hang' }
    | { readonly kind: 'reset'; readonly afterBytes: number }
    | { readonly kind: 'status'; readonly code: number; readonly body: string }
    | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
    | { readonly kind: 'corrupt'; readonly change: (chunk: Buffer) => Buffer }
  );

const PASS: Mode = { kind: 'pass' };
const KEEP_REQUESTS = 10_000;

/**
 * A proxy on 127.0.0.1 between a client and a server, with a mode that can be switched while it runs. A mode holds from the
 * next request (for TCP: connection) until the next switch. Requests under way go on as they began, except with `refuse`.
 */
export async function startFaultProxy({ targetPort, protocol = 'http' }: FaultProxyOptions): Promise<FaultProxy> {
  const disposed = new AbortController();
  const sockets = new Set<Socket>();
  const requests: SeenRequest[] = [];
  const counts = { requests: 0, connections: 0, faults: 0 };
  let mode: Mode = PASS;

  const modeFor = (seen?: SeenRequest): Mode => {
    if (mode.kind === 'pass' || (mode.when && !(seen && mode.when(seen)))) return PASS;
    if (mode.times !== undefined && counts.faults >= mode.times) return PASS;
    counts.faults += 1;
    return mode;
  };
  const server: Server =
    protocol === 'tcp'
      ? createTcpServer(
          { allowHalfOpen: true },
          (socket) => void passSocket(socket, targetPort, modeFor(), disposed.signal),
        )
      : createHttpServer((incoming, answer) => {
          const seen = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers };
          counts.requests += 1;
          requests.push(seen);
          if (requests.length > KEEP_REQUESTS) requests.shift();
          void passRequest(incoming, answer, targetPort, modeFor(seen), disposed.signal);
        });
  // Some tests are about slow clients.
  if (server instanceof HttpServer) Object.assign(server, { requestTimeout: 0, headersTimeout: 0 });
  server.on('connection', (socket: Socket) => {
    counts.connections += 1;
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const close = async () => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
    await once(server, 'close');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  const switchTo = async (next: Mode) => {
    mode = next;
    counts.faults = 0;
    if (next.kind === 'refuse') await close();
    else if (!server.listening) await listen(port);
  };

  return {
    host: '127.0.0.1',
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    get requestCount() {
      return counts.requests;
    },
    get connectionCount() {
      return counts.connections;
    },
    pass: () => switchTo(PASS),
    refuse: () => switchTo({ kind: 'refuse' }),
    reset: ({ afterBytes = 0, ...limits } = {}) => switchTo({ kind: 'reset', afterBytes, ...limits }),
    hang: (limits = {}) => switchTo({ kind: 'hang', ...limits }),
    status: (code, { body = '', ...limits } = {}) => switchTo({ kind: 'status', code, body, ...limits }),
    throttle: (bytesPerSecond, limits = {}) => switchTo({ kind: 'throttle', bytesPerSecond, ...limits }),
    corrupt: (change, limits = {}) => switchTo({ kind: 'corrupt', change, ...limits }),
    [Symbol.asyncDispose]: async () => {
      disposed.abort();
      await close();
    },
  };
}

/** Never rejects: a failure on one side ends the other, as on a real network. */
async function passRequest(
  incoming: IncomingMessage,
  answer: ServerResponse,
  targetPort: number,
  mode: Mode,
  signal: AbortSignal,
): Promise<void> {
  const { socket } = incoming;
  if (mode.kind === 'hang') return;
  if (mode.kind === 'status') {
    // The body is read to its end first: a client that is still sending would see a reset instead of the answer.
    incoming.resume().once('end', () => {
      answer.writeHead(mode.code, {
        'content-type': 'application/xml',
        'content-length': Buffer.byteLength(mode.body),
      });
      answer.end(incoming.method === 'HEAD' ? undefined : mode.body);
    });
    return;
  }
  if (mode.kind === 'reset' && mode.afterBytes === 0) {
    socket.resetAndDestroy();
    return;
  }
  const outgoing = request({
    host: '127.0.0.1',
    port: targetPort,
    method: incoming.method,
    path: incoming.url,
    // Unchanged, host name included: the signature covers them.
    headers: incoming.rawHeaders,
    setDefaultHeaders: false,
    // A kept connection would fail a request after the target's restart.
    agent: false,
    signal,
  });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  const sent = pipeline(
    incoming,
    faultStream(mode, () => socket.resetAndDestroy(), signal),
    outgoing,
  );
  try {
    // The target may answer before it has read all.
    const [response] = await Promise.race([answered, sent.then(() => answered)]);
    answer.writeHead(response.statusCode ?? 502, response.statusMessage, response.rawHeaders);
    await Promise.all([pipeline(response, answer), sent]);
  } catch {
    outgoing.destroy();
    socket.resetAndDestroy();
  } finally {
    await Promise.allSettled([answered, sent]);
  }
}

async function passSocket(client: Socket, targetPort: number, mode: Mode, signal: AbortSignal): Promise<void> {
  if (mode.kind === 'hang') return;
  if (mode.kind === 'status') throw new Error('wanted a fault that bytes can have, got a status; use protocol http');
  const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
  try {
    await Promise.all([
      pipeline(
        client,
        faultStream(mode, () => client.resetAndDestroy(), signal),
        target,
        { signal },
      ),
      pipeline(target, client, { signal }),
    ]);
  } catch {
    client.resetAndDestroy();
    target.destroy();
  }
}

/** The step of a `pipeline` that puts the fault into the client's bytes. */
function faultStream(mode: Mode, reset: () => void, signal: AbortSignal) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      if (mode.kind === 'reset' && bytes > mode.afterBytes) {
        reset();
        throw new Error(`reset after ${bytes} bytes`);
      }
      if (mode.kind === 'throttle') await delay((chunk.length / mode.bytesPerSecond) * 1000, undefined, { signal });
      yield mode.kind === 'corrupt' ? mode.change(chunk) : chunk;
    }
  };
}
