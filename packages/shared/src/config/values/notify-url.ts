/** A mail server, and what it is to send. */
export type MailEndpoint = {
  readonly service: 'email';
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte. `required`: STARTTLS or nothing. `offered`: STARTTLS if the server has it. */
  readonly tls: 'implicit' | 'required' | 'offered' | 'never';
  readonly isTlsVerified: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
};

/** One address, topic or chat that gets notifications. */
export type NotifyEndpoint =
  | { readonly service: 'webhook'; readonly url: string; readonly authorization: string | undefined }
  | { readonly service: 'discord'; readonly url: string }
  | {
      readonly service: 'slack';
      readonly url: string;
      /** The token of a bot, and the channel that it writes to; a webhook has its own channel. */
      readonly bot: { readonly token: string; readonly channel: string } | undefined;
    }
  | {
      readonly service: 'ntfy';
      /** The server's. */
      readonly url: string;
      readonly topic: string;
      readonly authorization: string | undefined;
      /** 1 to 5; `undefined`: by the notification's severity. */
      readonly priority: number | undefined;
      readonly tags: readonly string[];
    }
  | {
      readonly service: 'telegram';
      /** The bot's method `sendMessage`. */
      readonly url: string;
      readonly chat: string;
      readonly thread: number | undefined;
      readonly isSilent: boolean;
    }
  | MailEndpoint;

/** A fault of a URL. Its message shows nothing of the URL, which may be secret. */
export class NotifyUrlError extends Error {
  override readonly name = 'NotifyUrlError';
}

/** Splits a list at white space, and at commas before a URL: other commas stand within a URL, between recipients. */
export function splitNotifyUrls(list: string): readonly string[] {
  return list
    .split(/\s+|,(?=[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((entry) => entry.replaceAll(/^,+|,+$/g, ''))
    .filter((entry) => entry !== '');
}

/** The scheme of a URL, as in `slack://`: the only part of it that a fault may show. */
export function schemeOf(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,19}:\/\//i.exec(url)?.[0].toLowerCase();
  return scheme ?? 'no scheme';
}

/**
 * Reads a URL in the form of shoutrrr (https://shoutrrr.nickfedor.com/latest/services/overview/), or a webhook's URL as Slack
 * and Discord give it out. `SERVICE+http(s)://` sends a service's messages to the user's own server: slack+https to Mattermost,
 * for instance.
 *
 * @returns one endpoint, or one for each chat
 * @throws NotifyUrlError
 */
export function parseNotifyUrl(text: string): readonly NotifyEndpoint[] {
  const [, scheme = '', transport = ''] = /^([a-z]+)(?:\+(https?))?:\/\//i.exec(text) ?? [];
  const service = scheme.toLowerCase();
  const own = transport === '' ? undefined : parse(text.replace(/^[a-z]+\+/i, ''));
  switch (service) {
    case 'http':
    case 'https':
      return [parsePlain(parse(text))];
    case 'generic':
      return [webhook(own ?? parse(text.replace(/^generic/i, 'https')))];
    case 'slack':
      return [own === undefined ? parseSlack(parse(text)) : { service, url: bare(own), bot: undefined }];
    case 'discord':
      return [own === undefined ? parseDiscord(parse(text)) : { service, url: bare(own) }];
    case 'ntfy':
      return [parseNtfy(own ?? parse(ofServer(text)))];
    case 'telegram':
      return parseTelegram(parse(text.replace(/^telegram\+https?/i, 'telegram')), own);
    case 'smtp':
    case 'smtps':
      return [parseMail(parse(text))];
    default:
      throw new NotifyUrlError('expected https, slack, discord, ntfy, telegram, smtp or smtps before the ://');
  }
}

function parse(text: string): URL {
  if (!URL.canParse(text)) throw new NotifyUrlError('is not a URL; are special characters written as %XX?');
  const url = new URL(text);
  if (url.hostname === '') throw new NotifyUrlError('names no host');
  try {
    decodeURIComponent(url.username + url.password + url.hostname + url.pathname);
  } catch {
    throw new NotifyUrlError('has a % that is not followed by two hexadecimal digits; a % itself is written %25');
  }
  return url;
}

/** Slack and Discord take nothing but their own payload; their hosts tell them from other webhooks. */
function parsePlain(url: URL): NotifyEndpoint {
  if (url.hostname === 'hooks.slack.com') return { service: 'slack', url: bare(url), bot: undefined };
  const isDiscord =
    /^(?:[a-z]+\.)?discord(?:app)?\.com$/.test(url.hostname) && url.pathname.startsWith('/api/webhooks/');
  return isDiscord ? { service: 'discord', url: bare(url) } : webhook(url);
}

function webhook(url: URL): NotifyEndpoint {
  return { service: 'webhook', url: bare(url), authorization: basicAuthorization(url) };
}

function parseSlack(url: URL): NotifyEndpoint {
  const { username, password, hostname } = decoded(url);
  if (/^xox[a-z]$/.test(username)) {
    if (password === '') throw new NotifyUrlError('expected slack://xoxb:TOKEN@CHANNEL');
    const bot = { token: `${username}-${password}`, channel: hostname };
    return { service: 'slack', url: 'https://slack.com/api/chat.postMessage', bot };
  }
  if (username !== 'hook' || !/^[A-Za-z0-9]+-[A-Za-z0-9]+-[A-Za-z0-9]+$/.test(password))
    throw new NotifyUrlError('expected slack://hook:T…-B…-…@webhook, or the URL on hooks.slack.com as it is');
  return { service: 'slack', url: `https://hooks.slack.com/services/${password.replaceAll('-', '/')}`, bot: undefined };
}

function parseDiscord(url: URL): NotifyEndpoint {
  const { username: token, hostname: id } = decoded(url);
  if (!/^[A-Za-z0-9_-]+$/.test(token) || !/^\d+$/.test(id))
    throw new NotifyUrlError('expected discord://TOKEN@WEBHOOK-ID, or the URL on discord.com as it is');
  const thread = url.searchParams.get('thread_id');
  const query = thread === null ? '' : `?thread_id=${encodeURIComponent(thread)}`;
  return { service: 'discord', url: `https://discord.com/api/webhooks/${id}/${token}${query}` };
}

/** The URL with the scheme of its server: https, unless it says otherwise. */
function ofServer(text: string): string {
  const isPlain = /[?&]disabletls=(?:yes|true|1)(?:&|$)/i.test(text);
  return text.replace(/^ntfy/i, isPlain ? 'http' : 'https');
}

function parseNtfy(url: URL): NotifyEndpoint {
  const { pathname } = decoded(url);
  const topic = pathname.slice(1).replace(/\/$/, '');
  // https://docs.ntfy.sh/publish/: letters, digits, _ and -, at most 64.
  if (!/^[-_A-Za-z0-9]{1,64}$/.test(topic)) throw new NotifyUrlError('expected ntfy://ntfy.sh/TOPIC');
  const priority = url.searchParams.get('priority');
  const named = ['min', 'low', 'default', 'high', 'max'].indexOf(priority?.toLowerCase() ?? '') + 1;
  const number = priority === null ? undefined : named || Number(priority === 'urgent' ? 5 : priority);
  if (number !== undefined && ![1, 2, 3, 4, 5].includes(number))
    throw new NotifyUrlError('expected a priority from 1 to 5');
  const token = url.searchParams.get('token');
  return {
    service: 'ntfy',
    url: `${url.origin}/`,
    topic,
    authorization: token === null ? basicAuthorization(url) : `Bearer ${token}`,
    priority: number,
    tags: (url.searchParams.get('tags') ?? '').split(',').filter((tag) => tag !== ''),
  };
}

/** @param own a Bot API server of the user's own, from the same text */
function parseTelegram(url: URL, own: URL | undefined): readonly NotifyEndpoint[] {
  const { username, password } = decoded(url);
  const token = `${username}:${password}`;
  if (!/^\d+:[\w-]+$/.test(token)) throw new NotifyUrlError('expected telegram://TOKEN@telegram?chats=CHAT');
  const chats = listIn(url, 'chats', 'channels');
  if (chats.length === 0) throw new NotifyUrlError('names no chat; add ?chats=@channel or a chat id');
  const server = own === undefined ? 'https://api.telegram.org' : `${own.origin}${own.pathname.replace(/\/$/, '')}`;
  return chats.map((each) => {
    const [, chat = each, thread] = /^(@\w+|-?\d+)(?::(\d+))?$/.exec(each) ?? [];
    if (!/^(?:@\w+|-?\d+)$/.test(chat)) throw new NotifyUrlError('expected chats as @channel or the number of a chat');
    return {
      service: 'telegram',
      url: `${server}/bot${token}/sendMessage`,
      chat,
      thread: thread === undefined ? undefined : Number(thread),
      isSilent: url.searchParams.get('notification') === 'no',
    };
  });
}

function parseMail(url: URL): MailEndpoint {
  const { username, password, hostname } = decoded(url);
  const isSmtps = url.protocol === 'smtps:';
  const port = url.port === '' ? (isSmtps ? 465 : 25) : Number(url.port);
  const [from, ...others] = listIn(url, 'from', 'fromaddress');
  const to = listIn(url, 'to', 'toaddresses');
  if (from === undefined || others.length > 0) throw new NotifyUrlError('expected one sender: ?from=ADDRESS');
  if (to.length === 0) throw new NotifyUrlError('names no recipient; add &to=ADDRESS');
  if ([from, ...to].some((address) => !/^[^\s@<>"]+@[^\s@<>"]+$/.test(address)))
    throw new NotifyUrlError('expected plain addresses such as ops@example.com for from and to');
  return {
    service: 'email',
    host: hostname.replaceAll(/^\[|\]$/g, ''),
    port,
    tls: isSmtps || port === 465 ? 'implicit' : readTls(url, password !== ''),
    isTlsVerified: !isYes(url, 'skiptlsverify'),
    user: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    from,
    to,
  };
}

/** A password crosses the network in clear only where the URL says that it may. */
function readTls(url: URL, hasPassword: boolean): MailEndpoint['tls'] {
  const encryption = valueOf(url, 'encryption')?.toLowerCase() ?? 'auto';
  if (!['none', 'auto', 'explicittls', 'implicittls'].includes(encryption))
    throw new NotifyUrlError('expected encryption as None, Auto, ExplicitTLS or ImplicitTLS');
  if (encryption === 'implicittls') return 'implicit';
  const isStartTlsOff = ['no', 'false', '0'].includes(valueOf(url, 'usestarttls', 'starttls')?.toLowerCase() ?? '');
  if (encryption === 'none' || isStartTlsOff) return 'never';
  return hasPassword || encryption === 'explicittls' || isYes(url, 'requirestarttls') ? 'required' : 'offered';
}

function isYes(url: URL, name: string): boolean {
  return ['yes', 'true', '1'].includes(valueOf(url, name)?.toLowerCase() ?? '');
}

/** The value of the first parameter that has one of these names, in upper or lower case. */
function valueOf(url: URL, ...names: readonly string[]): string | undefined {
  return [...url.searchParams].find(([name]) => names.includes(name.toLowerCase()))?.[1];
}

/** The items of a list. Its spaces are `+` again: no address has a space. */
function listIn(url: URL, ...names: readonly string[]): readonly string[] {
  const list = valueOf(url, ...names) ?? '';
  return list
    .trim()
    .replaceAll(' ', '+')
    .split(',')
    .filter((item) => item !== '');
}

function decoded({ username, password, hostname, pathname }: URL) {
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    hostname: decodeURIComponent(hostname),
    pathname: decodeURIComponent(pathname),
  };
}

/** The URL without user and password, which no request may have in its URL. */
function bare(url: URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  copy.hash = '';
  return copy.href;
}

export function basicAuthorization(url: URL): string | undefined {
  const { username, password } = decoded(url);
  if (username === '' && password === '') return undefined;
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}
