import { chown, cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { freePort } from '@pgstow/testing/servers/free-port.ts';
import { execa } from 'execa';
import { COMPOSE } from './engine.ts';

const ROOT = join(import.meta.dirname, '../..');
/** One name for all tests: images that one test builds serve the next. */
export const PROJECT = 'pgstow-smoke';
export const SERVICES = [
  'redis',
  'scheduler',
  'dump-worker',
  'upload-worker',
  'verify-worker',
  'scratch-host',
  'demo-postgres',
  'demo-s3',
] as const;
export const APPS = ['scheduler', 'dump-worker', 'upload-worker', 'verify-worker', 'scratch-host'] as const;

/** A job as the board shows it. */
export type BoardJob = {
  readonly id: string;
  readonly name: string;
  readonly timestamp: number;
  readonly delay: number;
  readonly finishedOn?: number | null;
  readonly failedReason?: string | null;
  /** Set for a dump that was taken. */
  readonly returnValue?: { readonly name?: string } | null;
};

export type ContainerState = {
  readonly Running: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly StartedAt: string;
  readonly Health?: { readonly Status: string };
};

export type Stack = Awaited<ReturnType<typeof openStack>>;

/**
 * Makes a checkout with a backup folder beside it. At the end, everything that was brought up from it is taken down, except for
 * the images.
 *
 * @param settings added to those in demo.env, or in their place
 */
export async function openStack(settings: Readonly<Record<string, string>> = {}) {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder('pgstow-compose-')).path;
  const checkout = join(folder, 'checkout');
  await copyCheckout(checkout);
  const backups = join(folder, 'backups');
  await mkdir(backups);
  await chown(backups, 1000, 1000);
  const port = await freePort();
  await setSettings(join(checkout, 'demo.env'), { PGSTOW_FOLDER: backups, BOARD_PORT: String(port), ...settings });

  const { PATH = '', HOME = '/', DOCKER_HOST } = process.env;
  /** Runs docker-compose with `stack.env` alone. */
  const plainCompose = (args: readonly string[], reject = true) =>
    execa(COMPOSE[0], [...COMPOSE.slice(1), ...args], {
      cwd: checkout,
      // Nothing of the caller's environment may replace what the files say, except the project's name.
      env: { PATH, HOME, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }), COMPOSE_PROJECT_NAME: PROJECT },
      extendEnv: false,
      all: true,
      reject,
      stdin: 'ignore',
    });
  const compose = (args: readonly string[], reject = true) =>
    plainCompose(['--env-file', 'demo.env', '--profile', 'demo', ...args], reject);
  const down = () => compose(['--profile', 'cli', 'down', '--volumes', '--remove-orphans', '--timeout', '5']);
  // Left by a run that was killed.
  await down();
  cleanup.defer(async () => void (await down()));

  const inspect = async (service: string): Promise<ContainerState> => {
    const { stdout } = await execa('docker', ['inspect', '--format', '{{json .State}}', await containerOf(service)]);
    return JSON.parse(stdout) as ContainerState;
  };
  const askBoard = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}/queues/api/${path}`, {
      ...init,
      headers: { authorization: `Basic ${Buffer.from('admin:pgstow-demo').toString('base64')}` },
    });

  const owned = cleanup.move();
  return {
    checkout,
    backups,
    port,
    plainCompose,
    compose,
    down,
    inspect,
    askBoard,
    /** `docker-compose run --rm cli …` */
    cli: (...args: readonly string[]) => compose(['run', '--rm', 'cli', ...args], false),
    /** Waits until every service is healthy. */
    allHealthy: () =>
      eventually(
        async () => {
          for (const service of SERVICES) {
            const status = (await inspect(service)).Health?.Status;
            if (status !== 'healthy') throw new Error(`${service} is ${status}`);
          }
        },
        { everyMs: 1000 },
      ),
    /** Files of the backup folder with this ending. */
    files: async (ending: string) => (await readdir(backups)).filter((name) => name.endsWith(ending)).sort(),
    /** The board's newest jobs of a queue in a state. */
    async jobs(queue: 'dump' | 'upload' | 'verify', status: string): Promise<readonly BoardJob[]> {
      const answer = await askBoard(`queues?activeQueue=${queue}&status=${status}&page=1&jobsPerPage=100`);
      const { queues } = (await answer.json()) as { queues: { name: string; jobs: BoardJob[] }[] };
      return queues.find(({ name }) => name === queue)?.jobs ?? [];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The container of a service, running or not. */
export async function containerOf(service: string): Promise<string> {
  const labels = [`com.docker.compose.project=${PROJECT}`, `com.docker.compose.service=${service}`];
  const filters = [...labels, 'com.docker.compose.oneoff=False'].flatMap((label) => ['--filter', `label=${label}`]);
  const { stdout } = await execa('docker', ['ps', '--all', '--quiet', ...filters]);
  if (stdout === '' || stdout.includes('\n')) throw new Error(`wanted one container of ${service}, found ${stdout}`);
  return stdout;
}

async function copyCheckout(to: string): Promise<void> {
  const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  });
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(ROOT, file), join(to, file), { verbatimSymlinks: true }).catch((error: NodeJS.ErrnoException) => {
      // The deletion is not committed yet.
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

async function setSettings(file: string, changed: Readonly<Record<string, string>>): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const kept = lines.filter((line) => !Object.keys(changed).some((name) => line.startsWith(`${name}=`)));
  await writeFile(
    file,
    [...kept, ...Object.entries(changed).map(([name, value]) => `${name}=${value}`), ''].join('\n'),
  );
}
