import type { NotifyEndpoint } from '@pgstow/shared/config/values/notify-url.ts';
import pRetry from 'p-retry';
import type { Notification } from '../notification.ts';
import { request } from './request.ts';
import { SendError } from './send-error.ts';
import { sendMail } from './send-mail.ts';
import { requestFor } from './service-request.ts';

/** Makes up to three attempts within a few seconds, while the fault may pass. @throws SendError */
export async function retryQuickly<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return pRetry(attempt, {
    retries: 2,
    minTimeout: 500,
    factor: 3,
    signal,
    shouldRetry: ({ error }) => error instanceof SendError && error.isPassing,
  });
}

/** Sends a notification to one endpoint. @throws SendError after the last attempt */
export async function send(endpoint: NotifyEndpoint, notification: Notification, signal: AbortSignal): Promise<void> {
  await retryQuickly(async () => {
    if (endpoint.service === 'email') return sendMail(endpoint, notification, signal);
    const { url, headers, body } = requestFor(endpoint, notification);
    // A known service explains its refusal; another server may answer anything.
    const isQuotable = endpoint.service !== 'webhook';
    const answer = await request(url, { method: 'POST', headers, body, isQuotable, signal });
    if (endpoint.service === 'slack' && endpoint.bot !== undefined) assertTakenBySlack(answer);
  }, signal);
}

/** Slack's API answers 200 to refusals, too. Source: https://docs.slack.dev/apis/web-api/#responses */
function assertTakenBySlack(answer: string): void {
  if (/"ok":\s*true/.test(answer)) return;
  const [, code = 'something else'] = /"error":\s*"(\w+)"/.exec(answer) ?? [];
  throw new SendError(`Slack answered ${code}`, { isPassing: false });
}
