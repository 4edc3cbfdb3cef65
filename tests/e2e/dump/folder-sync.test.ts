import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCommand, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose } from '../stage/doctor-stage.ts';
import { setDumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

/** Makes fsync fail for folders, not for files, as SMB and some FUSE file systems do. */
const SHIM = `
#define _GNU_SOURCE
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int fsync(int fd) {
  struct stat s;
  if (fstat(fd, &s) == 0 && S_ISDIR(s.st_mode)) { errno = FOLDER_ERRNO; return -1; }
  return (int)syscall(SYS_fsync, fd);
}
`;

describe.skipIf(!hasRedis() || !hasPostgres() || !hasCommand('gcc'))('a folder that refuses to be synced', () => {
  let servers: Servers;
  let built: TempFolder;
  beforeAll(async () => {
    [servers, built] = await Promise.all([startServers({ shop: '' }), tempFolder('pgstow-shim-')]);
    await writeFile(join(built.path, 'shim.c'), SHIM);
  });
  afterAll(async () => {
    for (const each of [built, servers]) await each?.[Symbol.asyncDispose]();
  });
  const shimFor = (errno: string): string => {
    const path = join(built.path, `${errno}.so`);
    execFileSync('gcc', ['-shared', '-fPIC', `-DFOLDER_ERRNO=${errno}`, '-o', path, join(built.path, 'shim.c')]);
    return path;
  };

  test.each(['EINVAL', 'ENOTSUP'])(
    'with %s is warned of once at the start and by doctor, and backups count',
    async (errno) => {
      await using stage = await setDumpStage({ ...servers, databases: 'shop' });
      const shim = { LD_PRELOAD: shimFor(errno) };
      const worker = await stage.launchWorker(shim);
      await worker.waitForLine(/"level":40.*cannot sync a folder/);
      await worker.waitForLine(/"msg":"ready"/);
      const { manifest } = await stage.dump('shop');
      expect(await stage.files()).toContain(manifest.name);
      await worker.stop();
      const { finding } = await diagnose({ ...stage.settings, ...shim });
      expect(finding('folder.writable')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('cannot sync a folder'),
      });
    },
  );

  test('with a fault of the disk lets no dump worker start', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.launchWorker({ LD_PRELOAD: shimFor('EIO') });
    await worker.waitForLine(/EIO/);
    expect(await stage.known()).toEqual([]);
  });
});
