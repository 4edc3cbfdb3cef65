import { request as askPlainly, type IncomingHttpHeaders } from 'node:http';
import { request as askByTls } from 'node:https';
import { text } from 'node:stream/consumers';
import { BOARD_PASSWORD, BOARD_USER, basic } from '../processes/start-scheduler.ts';

export type Answer = {
  /** The address of the answer, after redirects. */
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

export type Asked = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Requests an address from 127.0.0.1, whatever its host name, with the board's password, as a browser does. */
export async function ask(url: URL, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Answer, 'url'>>();
  const options = {
    host: '127.0.0.1',
    port: url.port,
    path: `${url.pathname}${url.search}`,
    method,
    headers: { host: url.host, authorization: basic(BOARD_USER, BOARD_PASSWORD), ...headers },
    agent: false as const,
  };
  const request =
    url.protocol === 'https:'
      ? // The test made the certificate itself.
        askByTls({ ...options, servername: url.hostname, rejectUnauthorized: false })
      : askPlainly(options);
  request.on('error', reject);
  request.on('response', (response) => {
    text(response).then(
      (said) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: said }),
      reject,
    );
  });
  request.end(body);
  const answer = { url, ...(await promise) };
  const { location } = answer.headers;
  return location === undefined ? answer : ask(new URL(location, url), { headers });
}

/** The addresses of a page's links, forms, scripts or style sheets, as a browser reads them. */
export function pointsTo(page: Answer, attribute: RegExp): readonly URL[] {
  const base = new URL(/<base href="([^"]*)"/.exec(page.text)?.[1] ?? '', page.url);
  return [...page.text.matchAll(attribute)].map(([, to = '']) => new URL(to.replaceAll('&amp;', '&'), base));
}
