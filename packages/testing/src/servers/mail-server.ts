import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { callbackify } from 'node:util';
import { SMTPServer } from 'smtp-server';
import { eventually } from '../eventually.ts';

export interface RecordedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, unchanged. */
  readonly source: string;
}

/** A mail server that takes all mail, except to `nobody.example.com`. */
export interface MailServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly mails: readonly RecordedMail[];
  received(fits: (mail: RecordedMail) => boolean): Promise<RecordedMail>;
}

/** @param login the only login to accept; any client may send without it */
export async function startMailServer(login?: {
  readonly user: string;
  readonly password: string;
}): Promise<MailServer> {
  const mails: RecordedMail[] = [];
  const server = new SMTPServer({
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onAuth: ({ username, password }, _session, done) =>
      username === login?.user && password === login?.password
        ? done(null, { user: username })
        : done(new Error('wrong user or password')),
    onRcptTo: ({ address }, _session, done) =>
      done(
        address.endsWith('@nobody.example.com')
          ? Object.assign(new Error('no such user'), { responseCode: 550 })
          : null,
      ),
    onData: (stream, { envelope }, done) => {
      const record = async (): Promise<void> => {
        const source = await text(stream);
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), source });
      };
      callbackify(record)(done);
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    host: '127.0.0.1',
    port,
    mails,
    received: (fits) => eventually<RecordedMail | null>(() => mails.find(fits) ?? null),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
