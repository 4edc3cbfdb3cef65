import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCommand, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSources } from '../../../scripts/walls/read-sources.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const sources = readSources(ROOT);
const stages = readStages(await readFile(join(ROOT, 'Dockerfile'), 'utf8'));

/** Each image, what it is started with, and what it says then. */
const images: readonly (readonly [name: string, args: readonly string[], says: RegExp])[] = [
  ['scheduler', [], /"msg":"ready"/],
  ['dump-worker', [], /"msg":"ready"/],
  ['upload-worker', [], /"msg":"ready"/],
  ['verify-worker', [], /VERIFY_DIR/],
  ['scratch-host', [], /VERIFY_DIR/],
  ['cli', ['--help'], /^Usage: pgstow/],
  ['demo-s3', ['0', '.'], /listening on/],
];

describe.skipIf(!hasRedis() || !hasCommand('pnpm'))('an image with what its stage copies alone', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis[Symbol.asyncDispose]());

  it.concurrent.each(images)(
    'of %s starts, and holds what it loads, at once or later, and no package more',
    async (name, args, says) => {
      await using image = await build(name);
      const main = /[\w/-]+\/main\.ts/.exec(stages.get(name) ?? '')?.[0] ?? '';
      const { missing, packages } = look(image.path, main);
      expect(missing).toEqual([]);
      expect(await readdir(join(image.path, 'packages'))).toEqual(packages);
      expect(['scheduler', 'upload-worker'].includes(name) && packages.includes('postgres')).toBe(false);
      // Programs run only where a database is reached.
      const modules = await readdir(join(image.path, 'node_modules/.pnpm'));
      expect(modules.some((module) => module.startsWith('execa@'))).toBe(packages.includes('postgres'));
      await using process = await startProcess({
        script: join(image.path, main),
        args,
        cwd: image.path,
        env: { ...SETTINGS, REDIS_URL: redis.url, BACKUP_DIR: image.path },
      });
      await process.waitForLine(says);
    },
  );
});

it('is built for each app', async () => {
  const apps = await readdir(join(ROOT, 'apps'));
  expect(images.map(([name]) => name)).toEqual(expect.arrayContaining(apps));
});

/** No server is there but Redis, and no folder for scratch servers: a process that wants one says so once all is loaded. */
const SETTINGS = {
  VERIFY_DIR: '/nonexistent',
  POSTGRES_HOST: '127.0.0.1',
  POSTGRES_PORT: '9',
  POSTGRES_USER: 'backup',
  POSTGRES_PASSWORD: 'secret',
  POSTGRES_DB: 'shop',
  BACKUP_INTERVAL: '3600',
  BOARD_PORT: '0',
  S3_BUCKET: 'backups',
  S3_ENDPOINT: 'http://127.0.0.1:9',
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
};

/** The stages of a Dockerfile by their names. */
function readStages(dockerfile: string): ReadonlyMap<string, string> {
  const texts = dockerfile.split(/^FROM \S+ AS /m).slice(1);
  return new Map(texts.map((text) => [/^\S+/.exec(text)?.[0] ?? '', text]));
}

/** Makes what /app holds in an image, as its stages do. */
async function build(name: string): Promise<TempFolder> {
  const folder = await tempFolder('pgstow-image-');
  const stage = stages.get(name) ?? '';
  const [, modules = ''] = /^COPY --from=(\S+) \/app \/app$/m.exec(stage) ?? [];
  const [, project = ''] = /^RUN install-in-image (\S+)$/m.exec(stages.get(modules) ?? '') ?? [];
  await copy(stages.get('workspace') ?? '', folder.path);
  await execa('sh', [join(ROOT, 'scripts/install-in-image'), project], { cwd: folder.path });
  await copy(stage, folder.path);
  return folder;
}

/** Follows the COPY lines of a stage. .dockerignore keeps tests out. */
async function copy(stage: string, folder: string): Promise<void> {
  for (const [, from = '', to = ''] of stage.matchAll(/^COPY (?!--from)(.+) ([^/\s]\S*)$/gm)) {
    for (const path of from.split(' ')) {
      const target = to.endsWith('/') ? join(folder, to, path.split('/').at(-1) ?? '') : join(folder, to);
      await mkdir(dirname(target), { recursive: true });
      await cp(join(ROOT, path), target, { recursive: true, filter: (file) => !file.endsWith('.test.ts') });
    }
  }
}

/** Which packages a program loads, at once or later, and what of that an image does not hold. */
function look(
  image: string,
  main: string,
): { readonly missing: readonly string[]; readonly packages: readonly string[] } {
  const reached = new Set([main]);
  const missing: string[] = [];
  for (const file of reached) {
    for (const { target, isType } of sources.get(file)?.imports ?? []) {
      if (isType || target.startsWith('node:')) continue;
      // A source, or the app's own package.json.
      const isOurs = /^(?:apps|packages)\//.test(target);
      if (sources.has(target)) reached.add(target);
      const path = isOurs ? target : join(file.split('/').slice(0, 2).join('/'), 'node_modules', target);
      if (!existsSync(join(image, path))) missing.push(`${file} loads ${target}`);
    }
  }
  const packages = [...reached].filter((file) => file.startsWith('packages/')).map((file) => file.split('/')[1] ?? '');
  return { missing, packages: [...new Set(packages)].sort() };
}
