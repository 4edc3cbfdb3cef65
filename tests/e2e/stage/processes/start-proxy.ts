import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { freePort } from '@pgstow/testing/servers/free-port.ts';
import { startOnPort } from '@pgstow/testing/servers/start-on-port.ts';

const PAGE = fileURLToPath(new URL('../../../../docs/reverse-proxy.md', import.meta.url));
const run = promisify(execFile);

export type Proxy = AsyncDisposable & {
  /** The port of 127.0.0.1 that it listens on. */
  readonly port: number;
};

/** The values of BOARD_URL on the page: under a host name, under a path. */
export async function readAddresses(): Promise<readonly [string, string]> {
  const [host, path] = await readBlocks('sh');
  return [addressIn(host), addressIn(path)];
}

/** The blocks of one language in docs/reverse-proxy.md, in its order: under a host name, under a path. */
export async function readBlocks(language: string): Promise<readonly [string, string]> {
  const page = await readFile(PAGE, 'utf8');
  const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, each]) => each === language);
  const [host, path, ...more] = blocks.map(([, , text = '']) => text);
  if (host === undefined || path === undefined || more.length > 0)
    throw new Error(`wanted two blocks of ${language} in ${PAGE}, found ${blocks.length}`);
  return [host, path];
}

/** A real nginx with one server block of the page, with its own ports and files. */
export async function startNginx(block: string, schedulerPort: number): Promise<Proxy> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await tempFolder('pgstow-nginx-'));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  if (block.includes('ssl_certificate')) {
    const name = /server_name (\S+);/.exec(block)?.[1] ?? '';
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    await run(
      'openssl',
      'req -x509 -newkey rsa:2048 -nodes -days 2 -keyout'.split(' ').concat(key, '-out', certificate, ...subject),
    );
  }
  const { port, server } = await startOnPort(undefined, async (wanted) => {
    const configuration = join(folder, 'nginx.conf');
    const own = block
      .replace(/listen \d+/, `listen 127.0.0.1:${wanted}`)
      .replace(/ssl_certificate \S+;/, `ssl_certificate ${certificate};`)
      .replace(/ssl_certificate_key \S+;/, `ssl_certificate_key ${key};`);
    await writeFile(
      configuration,
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice; events {}
http { access_log off; ${NGINX_FOLDERS.map((each) => `${each}_temp_path ${folder}/${each};`).join(' ')}
${toScheduler(own, schedulerPort)} }`,
    );
    return start('nginx', ['-p', folder, '-e', 'stderr', '-c', configuration], folder, /event method/);
  });
  stack.use(server);
  const owned = stack.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const NGINX_FOLDERS = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** A real Caddy with one site of the page, and certificates of its own authority. */
export async function startCaddy(block: string, schedulerPort: number): Promise<Proxy> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await tempFolder('pgstow-caddy-'));
  const { port, server } = await startOnPort(undefined, async (wanted) => {
    const configuration = join(folder, 'Caddyfile');
    await writeFile(
      configuration,
      `{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
	default_bind 127.0.0.1
	http_port ${await freePort()}
	https_port ${wanted}
}
${toScheduler(block, schedulerPort)}`,
    );
    return start(
      'caddy',
      ['run', '--config', configuration, '--adapter', 'caddyfile'],
      folder,
      /certificate obtained successfully/,
    );
  });
  stack.use(server);
  const owned = stack.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function addressIn(block: string): string {
  const [, address] = /^BOARD_URL=(\S+)$/m.exec(block) ?? [];
  if (address === undefined) throw new Error(`wanted BOARD_URL=ADDRESS in ${PAGE}, got ${block}`);
  return address;
}

function toScheduler(configuration: string, port: number): string {
  return configuration.replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`);
}

async function start(command: string, args: readonly string[], folder: string, ready: RegExp): Promise<BoundProcess> {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_CONFIG_HOME: folder,
  };
  const server = await BoundProcess.start({ command, args, env, cwd: folder });
  try {
    await server.waitForLine(ready);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
