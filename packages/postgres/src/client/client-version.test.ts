import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterEach, expect, test, vi } from 'vitest';
import { chooseClients, findClients, type Clients } from './client-version.ts';

const clients = (version: string, folder = version): Clients => ({
  folder,
  version,
  major: Number.parseInt(version, 10),
});

afterEach(() => {
  vi.unstubAllEnvs();
});

test("a server is dumped with its own major version's clients, else with the nearest newer ones", () => {
  const installed = [clients('18.1'), clients('17.2'), clients('15.4')];
  expect(chooseClients(installed, 17).version).toBe('17.2');
  expect(chooseClients(installed, 16).version).toBe('17.2');
  expect(chooseClients(installed, 9).version).toBe('15.4');
});

test('of one major version the first ones are taken', () => {
  expect(chooseClients([clients('18.1'), clients('15.4', 'a'), clients('15.9', 'b')], 15).folder).toBe('a');
});

test('a server that is newer than all clients is refused with what to install', () => {
  expect(() => chooseClients([clients('15.4')], 17)).toThrow(
    expect.objectContaining({
      message: 'pg_dump 15.4 cannot dump a server of version 17: it is older',
      hint: 'Install pg_dump 17 or newer, for instance the package postgresql-client-17.',
    }),
  );
  expect(() => chooseClients([], 17)).toThrow(/found no pg_dump and psql/);
});

test("clients are found on PATH in its order, whole ones only, and Debian's wrapper is passed over", async () => {
  await using folder = await tempFolder();
  const add = async (name: string, version: string, programs = ['pg_dump', 'psql']): Promise<string> => {
    const path = join(folder.path, name);
    await mkdir(path);
    for (const program of programs) {
      const script = `#!/bin/sh\necho 'pg_dump (PostgreSQL) ${version}'\n`;
      await writeFile(join(path, program), script, { mode: 0o755 });
    }
    return path;
  };
  const second = await add('second', '77.2');
  const first = await add('first', '77.1');
  const newest = await add('newest', '78beta2');
  const withoutPsql = await add('without-psql', '79.1', ['pg_dump']);
  const wrapper = await add('wrapper', '80.1', ['psql', 'pg_wrapper']);
  await symlink(join(wrapper, 'pg_wrapper'), join(wrapper, 'pg_dump'));
  vi.stubEnv('PATH', [first, second, newest, withoutPsql, wrapper, '/bin'].join(':'));

  const found = (await findClients()).filter(({ folder: at }) => at.startsWith(folder.path));
  expect(found).toEqual([
    { folder: newest, version: '78beta2', major: 78 },
    { folder: first, version: '77.1', major: 77 },
    { folder: second, version: '77.2', major: 77 },
  ]);
});

test('a program is run for its version once, until another one is installed in its place', async () => {
  await using folder = await tempFolder();
  const runs = join(folder.path, 'runs');
  const install = async (version: string) => {
    const script = `#!/bin/sh\necho ${version} >>'${runs}'\necho 'pg_dump (PostgreSQL) ${version}'\n`;
    for (const program of ['pg_dump', 'psql']) await writeFile(join(folder.path, program), script, { mode: 0o755 });
  };
  vi.stubEnv('PATH', `${folder.path}:/bin`);
  const find = async () => (await findClients()).find((found) => found.folder === folder.path)?.version;

  await install('77.1');
  expect([await find(), await find()]).toEqual(['77.1', '77.1']);
  await install('77.12');
  expect([await find(), await find()]).toEqual(['77.12', '77.12']);
  expect(await readFile(runs, 'utf8')).toBe('77.1\n77.12\n');
});
