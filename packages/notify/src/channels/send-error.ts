/** A notification or a ping was not taken. The message holds no secret of the URL. */
export class SendError extends Error {
  override readonly name = 'SendError';
  /** Whether another attempt a moment later may succeed. */
  readonly isPassing: boolean;

  constructor(message: string, { isPassing, cause }: { readonly isPassing: boolean; readonly cause?: unknown }) {
    super(message, { cause });
    this.isPassing = isPassing;
  }
}

/** Describes a fault without an answer, in the words of the system but without its URL. */
export function describeSendFault(error: unknown): string {
  let message = String(error);
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name === 'TimeoutError') return 'no answer within 10 s';
    const code = 'code' in each && typeof each.code === 'string' ? each.code : '';
    if (code in FAULTS) return `${FAULTS[code]} (${code})`;
    // The innermost cause says most: fetch's own message is "fetch failed".
    message = each.message || code || message;
  }
  return message;
}

const FAULTS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name could not be resolved',
  EDNS: 'the host name could not be resolved',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is signed by itself",
};
