import { glob, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { bareEnvironment, runProgram } from '@pgstow/postgres/client/run-program.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Confinement } from './scratch-user.ts';

export type InitClusterOptions = {
  readonly clients: Clients;
  readonly confinement: Confinement;
  /** The cluster is made in its `data`. */
  readonly folder: string;
  /** The superuser. */
  readonly user: string;
  readonly signal: AbortSignal;
};

const OPTIONS = '--encoding UTF8 --no-locale --auth-local trust --auth-host reject --no-sync'.split(' ');
const LIMIT_MS = 5 * 60_000;

/** Makes a cluster that trusts every connection to its socket. @throws RetryableError with what initdb said */
export async function initCluster({ clients, confinement, folder, user, signal }: InitClusterOptions): Promise<void> {
  const command = confinement.commandLine(
    [join(clients.folder, 'initdb'), ...OPTIONS, '--pgdata', join(folder, 'data'), '--username', user],
    'TERM',
  );
  const env = { ...bareEnvironment(), HOME: folder, LC_ALL: 'C.UTF-8', ...(await nameOurselves(folder)) };
  const options = { env, cwd: folder, stdout: 'ignore', timeout: LIMIT_MS } as const;
  const { stderr, failed, timedOut } = await runProgram(command, options, signal);
  if (timedOut) throw new RetryableError(`initdb did not end within ${LIMIT_MS / 1000} s`);
  if (failed) throw new RetryableError(`initdb made no cluster in ${folder}: ${stderr.trim().slice(-2000)}`);
}

/**
 * Names our user for initdb, which insists on a name, while a container may run as any number. A library names it, as in the
 * image of PostgreSQL.
 * Source: https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh
 */
async function nameOurselves(folder: string): Promise<Record<string, string>> {
  try {
    userInfo();
    return {};
  } catch {
    const uid = process.getuid?.() ?? 0;
    const gid = process.getgid?.() ?? 0;
    for await (const library of glob('/usr/lib{,/*}/libnss_wrapper.so')) {
      const passwd = join(folder, 'passwd');
      await writeFile(passwd, `postgres:x:${uid}:${gid}:PostgreSQL:${folder}:/bin/false\n`, { mode: 0o600 });
      return { LD_PRELOAD: library, NSS_WRAPPER_PASSWD: passwd, NSS_WRAPPER_GROUP: '/dev/null' };
    }
    throw new PermanentError(`initdb needs a name for user ${uid}, and /etc/passwd has none`, {
      hint: 'Install the package libnss-wrapper, or run the verify worker as a user of this machine.',
    });
  }
}
