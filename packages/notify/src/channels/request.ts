import { describeSendFault, SendError } from './send-error.ts';

/** Limit of one attempt, from the look-up of the host's name to the end of the answer. */
export const TIMEOUT_MS = 10_000;

export type RequestOptions = {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Whether the error may quote the server's refusal. */
  readonly isQuotable: boolean;
  readonly signal: AbortSignal;
};

/**
 * Sends one request and expects a success. A redirect is a fault: following it would lose the body, or lead elsewhere.
 *
 * @returns the beginning of the answer's text
 * @throws SendError
 */
export async function request(url: string, options: RequestOptions): Promise<string> {
  const { method, headers, body = null, isQuotable, signal } = options;
  try {
    const response = await fetch(url, {
      method,
      headers: { 'user-agent': 'pgstow', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const text = await readBeginning(response);
    if (response.ok) return text;
    const said = isQuotable && text !== '' ? `: ${text.slice(0, 200)}` : '';
    const moved = response.status >= 300 && response.status < 400 ? ' (a redirect; give the URL that it leads to)' : '';
    throw new SendError(`the server answered ${response.status}${moved}${said}`, {
      isPassing: response.status >= 500 || response.status === 429,
    });
  } catch (error) {
    if (error instanceof SendError) throw error;
    throw new SendError(describeSendFault(error), { isPassing: true, cause: error });
  }
}

/** Reads enough for a reason, as one line: a server may send without end. */
async function readBeginning(response: Response): Promise<string> {
  let text = '';
  if (response.body === null) return text;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.length > 2000) break;
  }
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
}
