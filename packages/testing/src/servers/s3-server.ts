import { fileURLToPath } from 'node:url';
import type { Refusal } from '@pgstow/s3-server/refusals.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { BoundProcess } from '../processes/bound-process.ts';
import { createS3TestClient, type S3Access, type S3TestClient } from './s3-client.ts';
import { startOnPort } from './start-on-port.ts';

export interface S3Options {
  /** The port; a free one unless given. */
  readonly port?: number;
  /** The folder of the objects; unless given, a private temp folder, removed on dispose. */
  readonly dir?: string;
  /** Buckets to create at the start. */
  readonly buckets?: readonly string[];
  /** Features that the server refuses, as some real stores do. */
  readonly refuses?: readonly Refusal[];
  /** Whether it says of a deletion that it left a delete marker, as a bucket that keeps versions does. */
  readonly isVersioned?: boolean;
  /** Whether its refusals leave out which feature they mean. */
  readonly isMute?: boolean;
}

export interface S3Server extends AsyncDisposable, S3Access, Omit<S3TestClient, 'sdk' | typeof Symbol.dispose> {
  readonly port: number;
  readonly pid: number;
  readonly client: S3TestClient;
  /** Starts again on the same port with the same objects and open multipart uploads. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Kills the server as a crash would, with SIGKILL. */
  kill(): Promise<void>;
}

export { REFUSALS } from '@pgstow/s3-server/refusals.ts';

const SCRIPT = fileURLToPath(import.meta.resolve('@pgstow/s3-server/main.ts'));

/**
 * A private S3 server (fauxqs) on 127.0.0.1, in its own process, with its objects in a folder. It takes ANY credentials,
 * verifies no signature and keeps only the checksums that clients send. What depends on those needs a full server.
 */
export async function startS3(options: S3Options = {}): Promise<S3Server> {
  await using cleanup = new AsyncDisposableStack();
  const dir = options.dir ?? cleanup.use(await tempFolder('pgstow-s3-')).path;
  const launch = (port: number) => startServer(port, dir, options);
  const started = await startOnPort(options.port, launch);
  const { port } = started;
  let { server } = started;
  cleanup.defer(async () => {
    await server[Symbol.asyncDispose]();
  });

  const access: S3Access = {
    endpoint: `http://127.0.0.1:${port}`,
    accessKeyId: 'AKIAPGSTOWTESTING000',
    secretAccessKey: 'pgstow-testing-secret-access-key-0000000',
    region: 'eu-central-1',
  };
  const client = cleanup.use(createS3TestClient(access));
  for (const bucket of options.buckets ?? []) await client.createBucket(bucket);

  const owned = cleanup.move();
  return {
    ...access,
    port,
    client,
    get pid() {
      return server.pid;
    },
    createBucket: (bucket) => client.createBucket(bucket),
    listObjects: (bucket, prefix) => client.listObjects(bucket, prefix),
    getObject: (bucket, key) => client.getObject(bucket, key),
    headObject: (bucket, key) => client.headObject(bucket, key),
    putObject: (bucket, key, body) => client.putObject(bucket, key, body),
    deleteObject: (bucket, key) => client.deleteObject(bucket, key),
    listMultipartUploads: (bucket) => client.listMultipartUploads(bucket),
    start: async () => {
      if (server.exit) server = await launch(port);
    },
    stop: async () => {
      await server.stop('SIGTERM');
    },
    kill: async () => {
      await server.kill();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startServer(
  port: number,
  dir: string,
  { refuses = [], isMute = false, isVersioned = false }: S3Options,
): Promise<BoundProcess> {
  const server = await BoundProcess.start({
    command: process.execPath,
    args: [
      SCRIPT,
      ...refuses.map((what) => `--refuse=${what}`),
      ...(isMute ? ['--mute'] : []),
      ...(isVersioned ? ['--versioned'] : []),
      String(port),
      dir,
    ],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', TZ: 'UTC' },
  });
  try {
    await server.waitForLine(/^listening on /);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
