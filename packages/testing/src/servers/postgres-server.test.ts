import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasPostgres } from '../machine/capabilities.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { isAlive } from '../processes/running-processes.ts';
import { startPostgres } from './postgres-server.ts';

describe.skipIf(!hasPostgres())('startPostgres', () => {
  it('serves any database name, asks for its password, survives a crash and leaves nothing', async () => {
    let pid: number;
    let socketDir: string;
    {
      await using postgres = await startPostgres({ settings: { max_connections: '17' } });
      ({ pid, socketDir } = postgres);
      expect(await postgres.psql('postgres', 'SHOW max_connections; SHOW server_version_num')).toMatch(
        new RegExp(`^17\n${postgres.major}\\d{4}$`),
      );

      const name = `a "b" 'c' -d ../e=f`;
      await postgres.createDatabase(name);
      await postgres.psql(name, "CREATE TABLE t AS SELECT 'ä' AS a, 1 AS b");
      expect(await postgres.psql(name, 'SELECT * FROM t')).toBe('ä|1');

      await postgres.kill();
      await postgres.start();
      expect(await postgres.psql(name, 'SELECT count(*) FROM t')).toBe('1');
      await postgres.dropDatabase(name);

      await expect(postgres.psql('postgres', 'SELECT 1; SELECT nonsense; SELECT 2')).rejects.toThrow(/nonsense/);
      ({ pid } = postgres);
    }
    expect(isAlive(pid)).toBe(false);
    await expect(stat(socketDir)).rejects.toThrow('ENOENT');
  });

  it('runs a file, and refuses a wrong password', async () => {
    await using postgres = await startPostgres();
    await using folder = await tempFolder();
    const file = join(folder.path, 'some file.sql');
    await writeFile(file, 'SELECT 1 + 1;');
    expect(await postgres.psqlFile('postgres', file)).toBe('2');
    const { execa } = await import('execa');
    const psql = execa(join(postgres.binDir, 'psql'), ['-c', 'SELECT 1'], {
      env: { ...postgres.env('postgres'), PGPASSWORD: 'wrong' },
    });
    await expect(psql).rejects.toThrow(/password authentication failed/);
  });
});
