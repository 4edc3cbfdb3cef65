import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { descendants, runningProcesses } from '@pgstow/testing/processes/running-processes.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../scripts/quickstart/main.ts', import.meta.url));

/** Settings of a user that are not meant for the quickstart. */
const STRAY = {
  HOME: '/nonexistent',
  POSTGRES_HOST: 'db.example.invalid',
  POSTGRES_DB: 'theirs',
  PGHOST: 'db.example.invalid',
  PGDATABASE: 'theirs',
  PGSERVICE: 'theirs',
  PGOPTIONS: '-c nonsense=1',
  S3_BUCKET: 'theirs',
  S3_ENDPOINT: 'https://s3.example.invalid',
  AWS_PROFILE: 'theirs',
  AWS_ENDPOINT_URL: 'https://s3.example.invalid',
  AWS_ACCESS_KEY_ID: 'theirs',
  BACKUP_CRON: '0 3 * * *',
  REDIS_URL: 'redis://redis.example.invalid',
  BOARD_PORT: '1',
};

describe.skipIf(!hasRedis() || !hasPostgres())('npm run quickstart', () => {
  let parent: TempFolder;
  let folder: string;
  beforeEach(async () => {
    parent = await tempFolder('pgstow-e2e-');
    // The path has a space, and PostgreSQL's user may not enter it: PostgreSQL's folder then lies elsewhere.
    folder = join(parent.path, 'tmp folder');
    await mkdir(folder);
  });
  afterEach(() => parent[Symbol.asyncDispose]());

  const start = (env: Readonly<Record<string, string>> = {}): Promise<BoundProcess> =>
    startProcess({ script: MAIN, args: ['--once'], env: { ...env, TMPDIR: folder } });

  const textOf = (quickstart: BoundProcess): string => quickstart.lines.map(({ text }) => text).join('\n');

  /** The process of an app, once it runs. */
  const findApp = (quickstart: BoundProcess, app: string) =>
    eventually(() => descendants(quickstart.pid).find(({ command }) => command.includes(`apps/${app}/`)) ?? null);

  const expectNothingLeft = async (started: ReadonlyMap<number, string>): Promise<void> => {
    expect(started.size).toBeGreaterThan(0);
    await eventually(() => {
      const left = runningProcesses().filter(({ pid, command }) => started.get(pid) === command);
      expect(left).toEqual([]);
    });
    expect(await readdir(folder)).toEqual([]);
  };

  /** All descendants that ever ran, once the quickstart has ended. */
  const watchDescendants = async (quickstart: BoundProcess): Promise<ReadonlyMap<number, string>> => {
    const seen = new Map<number, string>();
    await eventually(() => {
      // A process that is about to end has no command line.
      for (const { pid, command } of descendants(quickstart.pid)) if (command !== '') seen.set(pid, command);
      return quickstart.exit !== undefined;
    });
    return seen;
  };

  it('goes through a whole cycle, whatever the environment says, and leaves nothing', async () => {
    await using quickstart = await start(STRAY);
    const started = await watchDescendants(quickstart);
    const text = textOf(quickstart);
    expect(text).toContain('One whole backup cycle, proven.');
    expect(quickstart.exit).toEqual({ code: 0, signal: null });
    expect(text).not.toMatch(/✘|invalid|theirs/);
    expect(text).not.toContain('\u001B');
    expect(text).toMatch(/✔ .* Prune +2 oldest deleted, the store has them; 4 newest kept/);
    expect(text).toMatch(/^ +file +backup_household_\d{8}_\d{6}\.sql\.gz$/m);
    expect(text).toMatch(/^ +sha256 +[0-9a-f]{64}$/m);
    expect(text).toMatch(/^ +key +quickstart\/backup_household_/m);
    expect(text).toMatch(/✔ .* Restore test +GOOD in [\d.]+ s, 7 tables with [\d,]+ rows/);
    expect(text).toMatch(
      /^ +compared +7 tables, 2 views, 4 sequences: row counts and content hashes as in the source$/m,
    );
    expect(text).toMatch(/^ +page +http:\/\/127\.0\.0\.1:\d+ {2}user admin {2}password [0-9a-f]{12} /m);

    const commands = [...started.values()].join('\n');
    for (const app of ['scheduler', 'dump-worker', 'upload-worker', 'verify-worker'])
      expect(commands).toContain(`apps/${app}/src/main`);
    await expectNothingLeft(started);
  });

  it('says which process failed and shows the end of its log', async () => {
    await using quickstart = await start();
    const ended = watchDescendants(quickstart);
    const worker = await findApp(quickstart, 'upload-worker');
    await quickstart.waitForLine(/ Scheduler /);
    process.kill(worker.pid, 'SIGKILL');
    const started = await ended;

    expect(quickstart.exit).toEqual({ code: 1, signal: null });
    expect(textOf(quickstart)).toContain(
      'The quickstart failed: wanted the upload worker to go on running, but it was ended by SIGKILL; the end of its log:',
    );
    expect(textOf(quickstart)).not.toContain('proven.');
    await expectNothingLeft(started);
  });

  it.each([
    { signal: 'SIGINT', code: 130, when: 'while the sample is loaded', line: / S3 server / },
    { signal: 'SIGTERM', code: 143, when: 'while the workers run', line: / Scheduler / },
  ] as const)('$signal $when, sent twice, ends everything', async ({ signal, code, line }) => {
    await using quickstart = await start();
    const ended = watchDescendants(quickstart);
    await quickstart.waitForLine(line);
    quickstart.signal(signal);
    quickstart.signal(signal);
    const started = await ended;

    expect(quickstart.exit).toEqual({ code, signal: null });
    expect(textOf(quickstart)).toContain(`Ended by ${signal}. Nothing is left behind.`);
    await expectNothingLeft(started);
  });
});
