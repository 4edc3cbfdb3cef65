import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { subjects } from '../subjects.ts';
import type { Environment } from './environment.ts';
import { readTargets } from './read-targets.ts';

const stackEnv = {
  POSTGRES_HOST: 'stack-db',
  POSTGRES_USER: 'stack',
  POSTGRES_PASSWORD: 'of the stack',
  POSTGRES_DB: 'stack-shop',
  BACKUP_CRON: '0 1 * * *',
  BACKUP_DIR: '/mnt/backups',
  BACKUP_KEEP_DAILY: '7',
  S3_BUCKET: 'b',
  S3_PREFIX: 'pg/',
  TARGETS_FILE: '/etc/targets.yaml',
};

const read = (text: string, env: Environment = {}) => readTargets('t.yaml', text, { ...stackEnv, ...env }, subjects);
const faultsOf = (text: string, env: Environment = {}) => read(text, env).faults;

describe('TARGETS_FILE', () => {
  it('gives each server a configuration of its own, over defaults and the environment', () => {
    const { servers, faults } = read(`
defaults:
  schedule: { cron: 0 3 * * *, timeZone: Europe/Berlin }
  keep: { last: 3 }
servers:
  - name: prod
    host: db1.example.com
    port: 5433
    user: backup
    sslMode: verify-full
    databases: [shop, 'my, db']
    keep: { monthly: 12 }
    pgDump: { options: [--exclude-table=log, --exclude-table=my table] }
  - name: test
    host: /run/postgresql
    user: backup
    databases: shop
    schedule: { every: 3600 }
`);
    expect(faults).toEqual([]);
    expect(servers.map(({ name }) => name)).toEqual(['prod', 'test']);
    const [prod, test] = servers.map(({ config }) => config);
    expect(prod).toMatchObject({
      postgres: {
        host: 'db1.example.com',
        port: 5433,
        user: 'backup',
        databases: ['shop', 'my, db'],
        libpq: { PGSSLMODE: 'verify-full' },
        extraOptions: ['--exclude-table=log', '--exclude-table=my table'],
      },
      schedule: { kind: 'cron', pattern: '0 3 * * *', timeZone: 'Europe/Berlin' },
      backup: { folder: '/mnt/backups/prod', keepLast: 3, keepPeriods: { daily: 7, monthly: 12 } },
    });
    expect(test).toMatchObject({
      schedule: { kind: 'interval', everyMs: 3600_000 },
      backup: { folder: '/mnt/backups/test', keepPeriods: { daily: 7, monthly: 0 } },
    });
  });

  it('takes nothing of the connection of stack.env for another server', () => {
    const { servers, faults } = read('servers: [{ name: a, host: h, user: u, databases: x }]', {
      PGSSLMODE: 'verify-full',
      POSTGRES_EXTRA_OPTS: '--no-owner',
    });
    expect(faults).toEqual([]);
    expect(servers[0]?.config.postgres).toMatchObject({ password: undefined, libpq: {}, extraOptions: [], port: 5432 });
    expect(faultsOf('servers: [{ name: a }]')).toEqual([
      't.yaml:1:11: a: host: is required and not set',
      't.yaml:1:11: a: user: is required and not set',
      't.yaml:1:11: a: databases: is required and not set',
    ]);
  });

  it('gives each server the destinations that it names, and a prefix of its own at each', () => {
    const text = `
destinations:
  offsite: { bucket: far, prefix: pg, endpoint: https://s3.example.com, secretAccessKeyEnv: FAR, accessKeyIdEnv: ID }
  nas: { folder: /mnt/nas }
defaults: { destinations: [offsite, nas] }
servers:
  - { name: a, host: h, user: u, databases: x }
  - { name: b, host: h, user: u, databases: x, destinations: [nas] }
  - { name: c, host: h, user: u, databases: x, destinations: [] }
`;
    const { servers, faults, secrets } = read(text, { FAR: 'geheim', ID: 'id' });
    expect(faults).toEqual([]);
    expect(secrets).toContain('geheim');
    const of = servers.map(({ config }) => config.destinations.map(({ destination }) => destination));
    const nas = (name: string) => expect.objectContaining({ name: 'nas', folder: '/mnt/nas', prefix: `${name}/` });
    expect(of).toEqual([
      [{ name: 'offsite', endpoint: 'https://s3.example.com', bucket: 'far', prefix: 'pg/a/' }, nas('a')],
      [nas('b')],
      [],
    ]);
  });

  it('keeps at each destination what it is told there, by the same words for a bucket and a folder', () => {
    const { servers, faults } = read(`
destinations:
  offsite: { bucket: far, keep: { last: 3, monthly: 12 } }
  nas: { folder: /mnt/nas, keep: { weekly: 5 }, timeout: 9 }
  archive: { bucket: all }
servers: [{ name: a, host: h, user: u, databases: x, destinations: [offsite, nas, archive] }]`);
    expect(faults).toEqual([]);
    expect(servers[0]?.config.destinations).toMatchObject([
      { keep: { keepLast: 3, keepPeriods: { monthly: 12, weekly: 0 } } },
      { keep: { keepLast: 1, keepPeriods: { weekly: 5 } }, timeoutMs: 9000 },
      { keep: undefined },
    ]);
    expect(faultsOf('destinations: { x: { folder: /x, region: eu } }\nservers: []')).toEqual([
      't.yaml:1:42: x: region is of a bucket',
    ]);
  });

  it('copies to the destinations of the environment where it names none', () => {
    const { servers } = read('servers: [{ name: a, host: h, user: u, databases: x }]');
    expect(servers[0]?.config.destinations.map(({ destination }) => destination)).toEqual([
      { name: 's3', endpoint: undefined, bucket: 'b', prefix: 'pg/a/' },
    ]);
  });

  it('takes secrets from files and environment variables, and keeps them', async () => {
    await using folder = await tempFolder();
    const passwordFile = join(folder.path, 'password');
    await writeFile(passwordFile, 'geheim\n');
    const server = (name: string, more: string) => `  - { name: ${name}, host: h, user: u, databases: x, ${more} }\n`;
    const text = `servers:\n${server('a', `passwordFile: ${passwordFile}`)}${server('b', 'passwordEnv: B_PASSWORD')}`;
    const { servers, secrets, faults } = read(text, { B_PASSWORD: 'secret' });
    expect(faults).toEqual([]);
    expect(servers.map(({ config }) => config.postgres.password)).toEqual(['geheim', 'secret']);
    expect(secrets).toEqual(expect.arrayContaining(['geheim', 'secret']));
    expect(faultsOf(text)).toEqual([
      't.yaml:3:61: b: passwordEnv: names the environment variable B_PASSWORD, which is not set',
    ]);
  });

  it.each<[string, string, readonly string[]]>([
    [
      'no YAML',
      'servers: [',
      ['t.yaml:1:11: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    ['nothing', '', ['t.yaml:1:1: expected keys with values']],
    ['no servers', 'defaults: {}', ['t.yaml:1:1: servers: is required and not set']],
    ['one key twice', 'servers: []\nservers: []', ['t.yaml:2:1: YAML: Map keys must be unique']],
    [
      'two servers of one name',
      'servers:\n  - { name: a, host: h, user: u, databases: x }\n  - { name: a, host: i, user: u, databases: x }',
      ['t.yaml:3:13: there are two servers of the name a; the first is at 2:13'],
    ],
    [
      'a name that is no folder',
      'servers: [{ name: ../a, host: h, user: u, databases: x }]',
      ['t.yaml:1:19: servers[0].name: a server is named with 1 to 32 of a-z, 0-9 and - between them'],
    ],
    [
      'a misspelt key',
      'servers:\n  - name: a\n    hots: h',
      ['t.yaml:3:5: servers[0]: unknown key "hots"; did you mean host?'],
    ],
    [
      'a literal password',
      'servers:\n  - name: a\n    password: hunter2',
      [
        't.yaml:3:5: servers[0]: a secret does not stand in this file; give passwordFile, the path of a file that holds it, or passwordEnv, the name of an environment variable',
      ],
    ],
    [
      'a bad value, in whichever server it counts',
      'defaults: { keep: { last: 0 } }\nservers: [{ name: a, host: h, user: u, databases: x }]',
      ['t.yaml:1:27: a: keep.last: expected a number from 1 to 1000000, got "0"'],
    ],
    [
      'a destination that is not there, and one that is nowhere',
      'destinations: { x: { region: eu } }\nservers: [{ name: a, host: h, user: u, databases: x, destinations: [y] }]',
      ['t.yaml:2:69: there is no destination y in this file, only x', 't.yaml:1:20: x: give either bucket or folder'],
    ],
    [
      'two schedules at once',
      'servers: [{ name: a, host: h, user: u, databases: x, schedule: { every: 60, cron: 0 3 * * * } }]',
      ['t.yaml:1:83: a: schedule.cron: give either schedule.every or schedule.cron, not both'],
    ],
    [
      'a number for a name',
      'servers: [{ name: a, host: h, user: u, databases: [007] }]',
      ['t.yaml:1:51: servers[0].databases: expected a name, or a list'],
    ],
  ])('with %s says where it is', (_what, text, faults) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  it('shows a literal secret in no fault', () => {
    const text = 'servers:\n  - name: a\n    password: hunter2\ndestinations: { x: { secretAccessKey: hunter2 } }';
    expect(faultsOf(text).join('\n')).not.toContain('hunter2');
  });
});
