import type { MailEndpoint } from '@pgstow/shared/config/values/notify-url.ts';
import { bodyOf, type Notification } from '../notification.ts';
import { TIMEOUT_MS } from './request.ts';
import { describeSendFault, SendError } from './send-error.ts';

/** @throws SendError if the server refuses the mail for any recipient */
export async function sendMail(endpoint: MailEndpoint, notification: Notification, signal: AbortSignal): Promise<void> {
  const { host, port, tls, isTlsVerified, user, password, from, to } = endpoint;
  // nodemailer takes tens of megabytes, and most processes never send a mail.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'required',
    ignoreTLS: tls === 'never',
    tls: { rejectUnauthorized: isTlsVerified },
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    dnsTimeout: TIMEOUT_MS,
    // A message is text: it may not name a file or a URL to read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const late = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const ended = Promise.withResolvers<never>();
  late.addEventListener('abort', () => ended.reject(late.reason as Error), { once: true });
  try {
    const sent = transport.sendMail({
      from: { name: 'pgstow', address: from },
      to: to.map((address) => ({ name: '', address })),
      subject: `[pgstow] ${notification.title}`,
      text: bodyOf(notification),
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Pgstow-Event': notification.event },
    });
    sent.catch(() => undefined);
    const { rejected } = await Promise.race([sent, ended.promise]);
    if (rejected.length > 0)
      throw new SendError(`the server refused ${rejected.length} of ${to.length} recipients`, { isPassing: false });
  } catch (error) {
    if (error instanceof SendError) throw error;
    throw mailError(error);
  } finally {
    transport.close();
  }
}

/** A 5xx reply is final, a 4xx reply may pass. Source: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1 */
function mailError(cause: unknown): SendError {
  const { code, responseCode, response } = cause as {
    readonly code?: string;
    readonly responseCode?: number;
    readonly response?: string;
  };
  if (code === 'ETLS') {
    const message =
      'the server makes no TLS connection; if the password may be sent in clear, add encryption=None to the URL';
    return new SendError(message, { isPassing: false, cause });
  }
  if (responseCode === undefined) {
    const isPassing = code !== 'EAUTH';
    return new SendError(describeSendFault(cause), { isPassing, cause });
  }
  const said = (response ?? String(responseCode)).replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, 200);
  return new SendError(`the server answered ${said}`, { isPassing: responseCode < 500, cause });
}
