import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './read-config.ts';
import type { Variable } from './subject.ts';
import { subjects } from './subjects.ts';

type Env = Readonly<Record<string, string | undefined>>;

const needed = { POSTGRES_HOST: 'db', POSTGRES_USER: 'backup', POSTGRES_DB: 'shop' };
const all = Object.values(subjects);
const variables = all.flatMap((subject) => Object.entries<Variable>(subject.variables));
const secretNames = variables.filter(([, { secret }]) => secret !== undefined).map(([name]) => name);

const read = (env: Env) => readConfig({ ...needed, ...env }, subjects, all);
const faultsOf = (env: Env): readonly string[] => {
  try {
    readConfig(env, subjects, all);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
};

describe('the configuration', () => {
  it('needs a host, a role and a database, and has a default for all else', () => {
    const { config, warnings, secrets } = read({});
    expect(config).toMatchObject({
      postgres: { host: 'db', port: 5432, user: 'backup', databases: ['shop'], extraOptions: [] },
      schedule: { kind: 'interval', everyMs: 7 * 24 * 3600 * 1000 },
      backup: { folder: '/backups', keepLast: 4, compression: 'auto', onShrink: 'suspect' },
      redis: { url: 'redis://redis:6379', site: 'default' },
      board: { host: '127.0.0.1', port: 3000, user: 'admin' },
      runtime: { logLevel: 'info', shutdownGraceMs: 60_000 },
    });
    expect(config.destinations).toEqual([]);
    expect({ warnings, secrets }).toEqual({ warnings: [], secrets: [] });
  });

  it('takes an empty value for none', () => {
    const empty = Object.fromEntries(
      variables.flatMap(([name]) => [[name, ''] as const, [`${name}_FILE`, ''] as const]),
    );
    expect(readConfig({ ...empty, ...needed }, subjects, all).config).toEqual(read({}).config);
  });

  it('tells of all faults in one message, one for each variable', () => {
    const env = { POSTGRES_PORT: '0', BACKUP_INTERVAL: 'weekly', S3_BUCKET: 'a/b', LOG_LEVEL: 'loud', BACKUP_DIR: 'x' };
    expect(faultsOf(env)).toEqual([
      'POSTGRES_PORT: expected a port from 1 to 65535, got "0"',
      'POSTGRES_HOST: is required and not set',
      'POSTGRES_USER: is required and not set',
      'POSTGRES_DB: is required and not set',
      'BACKUP_INTERVAL: expected a number of seconds from 1 to 315360000, got "weekly"',
      'BACKUP_DIR: expected an absolute path, got "x"',
      'S3_BUCKET: expected the bucket\'s name alone, got "a/b"',
      'LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, got "loud"',
    ]);
    expect(() => readConfig(env, subjects, all)).toThrow(/^the configuration has 8 faults:\n {2}- POSTGRES_PORT/);
    expect(() => read({ POSTGRES_PORT: 'x' })).toThrow(/^the configuration has a fault:\n {2}- POSTGRES_PORT/);
  });

  it.each(['-1', '0', '1.5', '1e3', '0x10', ' ', '٣', '9'.repeat(15), '9'.repeat(400), 'Infinity', '"5"'])(
    'takes %j for no number of dumps to keep',
    (BACKUP_KEEP_LAST) => {
      expect(faultsOf({ ...needed, BACKUP_KEEP_LAST })).toEqual([
        `BACKUP_KEEP_LAST: expected a number from 1 to 1000000, got ${JSON.stringify(BACKUP_KEEP_LAST)}`,
      ]);
    },
  );

  it('warns of a name that looks like ours, with the nearest', () => {
    const { warnings } = read({
      POSTGRES_HOTS: 'x',
      BACKUP_LASTING: '3',
      S3_NOTHING_LIKE_IT: '',
      BOARD_PASWORD_FILE: '/x',
    });
    expect(warnings).toEqual([
      'unknown variable POSTGRES_HOTS is ignored; did you mean POSTGRES_HOST?',
      'unknown variable BACKUP_LASTING is ignored',
      'unknown variable S3_NOTHING_LIKE_IT is ignored',
      'unknown variable BOARD_PASWORD_FILE is ignored; did you mean BOARD_PASSWORD_FILE?',
    ]);
    expect(read({ HOSTS: 'x', PGHOST: 'y', AWS_REGION: 'z' }).warnings).toEqual([]);
  });

  it('knows the names that are meant for other processes', () => {
    const { redis } = subjects;
    const env = Object.fromEntries(variables.map(([name]) => [name, undefined]));
    expect(readConfig({ ...env, S3_BUCKET: 'a', POSTGRES_HOST: 'b' }, { redis }, all).warnings).toEqual([]);
  });
});

it('a byte order mark before a name is a fault of its own', () => {
  expect(faultsOf({ '\uFEFFPOSTGRES_HOST': 'db', POSTGRES_USER: 'u', POSTGRES_DB: 'a' })).toEqual([
    'POSTGRES_HOST: begins with a byte order mark; save the file it stands in as UTF-8 without one',
  ]);
});

describe('NAME_FILE', () => {
  it('holds the value, without the line end that a file ends with', async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, 'secret');
    const password = async (content: string) => {
      await writeFile(file, content);
      return read({ POSTGRES_PASSWORD_FILE: file }).config.postgres.password;
    };
    expect(await password('geheim')).toBe('geheim');
    expect(await password('geheim\n')).toBe('geheim');
    expect(await password('geheim\r\n')).toBe('geheim');
    expect(await password(' with spaces \n\n')).toBe(' with spaces \n');
    expect(await password('\n')).toBeUndefined();
    expect(await password('')).toBeUndefined();
  });

  it('works for every variable, and its value is a secret where the variable is', async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, 'value');
    for (const [name] of variables) {
      await writeFile(file, `${sampleOf(name)}\n`);
      const base: Env = name.startsWith('POSTGRES_') || name === 'DATABASE_URL' ? without(name) : needed;
      const byFile = readConfig({ ...base, ...companionsOf(name), [`${name}_FILE`]: file }, subjects, all);
      const byName = readConfig({ ...base, ...companionsOf(name), [name]: sampleOf(name) }, subjects, all);
      expect({ name, ...byFile }).toEqual({ name, ...byName });
    }
  });

  it('and NAME itself exclude each other', () => {
    expect(faultsOf({ ...needed, POSTGRES_HOST_FILE: '/x' })).toEqual([
      'POSTGRES_HOST: give either POSTGRES_HOST or POSTGRES_HOST_FILE, not both',
    ]);
  });

  it('that cannot be read is a fault that says why', async () => {
    await using folder = await tempFolder();
    const missing = join(folder.path, 'missing');
    const directory = join(folder.path, 'directory');
    await mkdir(directory);
    expect(faultsOf({ ...needed, POSTGRES_PASSWORD_FILE: missing, BOARD_PASSWORD_FILE: directory })).toEqual([
      `POSTGRES_PASSWORD: cannot read the file that POSTGRES_PASSWORD_FILE names: ENOENT ${missing}`,
      `BOARD_PASSWORD: cannot read the file that BOARD_PASSWORD_FILE names: EISDIR ${directory}`,
    ]);
  });
});

describe('secrets', () => {
  it('are these', () => {
    expect(secretNames).toEqual([
      'POSTGRES_PASSWORD',
      'DATABASE_URL',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'HEARTBEAT_URL',
      'NOTIFY_URLS',
      'REDIS_URL',
      'BOARD_PASSWORD',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
    ]);
  });

  it('never stand in a fault, whatever else is wrong', () => {
    const canary = 'cAnArY77';
    const shapes = [
      canary,
      `${canary} `,
      `a:${canary}`,
      `\n${canary}`,
      `postgresql://u:${canary}@h/db`,
      `postgresql://u:${canary}@h:99999/db`,
      `postgresql://u:${canary}%zz@h/db`,
      `postgresql://u:${canary}#x@h/db`,
      `postgresql://:${canary}@h/`,
      `http://u:${canary}@h/?sslmode=${canary}&${canary}=1`,
      `postgresql://u:${canary}@h/db?sslmode=never&x=1`,
      `redis://u:${canary}@h:x`,
      canary.repeat(1000),
    ];
    for (const name of secretNames) {
      for (const shape of shapes) {
        for (const others of [{}, needed, { ...needed, BOARD_HOST: '0.0.0.0' }, { PGSSLMODE: 'x', S3_BUCKET: 'a b' }]) {
          for (const fault of faultsOf({ ...others, [name]: shape })) expect(fault).not.toContain('cAnArY77');
        }
      }
    }
  });

  it('are all named to whoever must not show them, though they look like a URL', () => {
    for (const password of ['geheim', 'pass:word', 'a:b@c', 'x://y', 'http://u:p@h/', 'mailto:me', 'data:,x y']) {
      expect(read({ POSTGRES_PASSWORD: password }).secrets).toContain(password);
      expect(read({ AWS_ACCESS_KEY_ID: 'K', AWS_SECRET_ACCESS_KEY: password.replace(' ', '') }).secrets).toContain(
        password.replace(' ', ''),
      );
    }
  });

  it('in a URL are its password, encoded and not, and nothing else', () => {
    const url = 'redis://user:p%40ss%2Fword@redis:6379';
    expect(read({ REDIS_URL: url }).secrets).toEqual(['p%40ss%2Fword', 'p@ss/word']);
    expect(read({ REDIS_URL: 'redis://redis:6379' }).secrets).toEqual([]);
    expect(readConfig({ DATABASE_URL: 'postgresql://u:geheim@h/db' }, subjects, all).secrets).toContain('geheim');
  });
});

function without(name: string): Env {
  if (name === 'DATABASE_URL') return {};
  return Object.fromEntries(
    Object.entries(needed).filter(
      ([other]) => other !== name && !(name === 'POSTGRES_DATABASE' && other === 'POSTGRES_DB'),
    ),
  );
}

/** What a variable cannot do without. */
function companionsOf(name: string): Env {
  if (name === 'AGE_MANIFESTS') return { AGE_RECIPIENTS: sampleOf('AGE_RECIPIENTS') };
  if (name === 'AWS_ACCESS_KEY_ID') return { AWS_SECRET_ACCESS_KEY: 'secret' };
  if (name === 'AWS_SECRET_ACCESS_KEY') return { AWS_ACCESS_KEY_ID: 'key' };
  return {};
}

function sampleOf(name: string): string {
  const samples: Record<string, string> = {
    DATABASE_URL: 'postgresql://u:p@h/db',
    TARGETS_FILE: '/etc/targets.yaml',
    PGSSLMODE: 'require',
    PGTARGETSESSIONATTRS: 'primary',
    POSTGRES_EXTRA_OPTS: '--no-owner',
    BACKUP_CRON: '0 3 * * *',
    VERIFY_SCHEDULE: '0 5 * * 0',
    VERIFY_SOURCE_COUNTS: 'off',
    VERIFY_REHEARSE: '18',
    VERIFY_CHECKS: '/checks/checks.sql',
    VERIFY_DIR: '/srv/scratch',
    VERIFY_HOST_DIR: '/scratch-host',
    TZ: 'Europe/Berlin',
    COPY_DIR: '/copies',
    BACKUP_DIR: '/srv',
    BOARD_HOST: '::1',
    BACKUP_COMPRESSION: 'gzip',
    BACKUP_GLOBALS: 'on',
    BACKUP_ON_SHRINK: 'refuse',
    AGE_RECIPIENTS: 'age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z',
    AGE_IDENTITY_FILE: '/run/secrets/age-identity',
    AGE_MANIFESTS: 'encrypted',
    S3_ENDPOINT: 'https://s3.example.com',
    AWS_ENDPOINT_URL_S3: 'https://s3.example.com',
    AWS_ENDPOINT_URL: 'https://s3.example.com',
    S3_FORCE_PATH_STYLE: 'yes',
    S3_STORAGE_CLASS: 'STANDARD_IA',
    S3_SSE: 'AES256',
    S3_CHECKSUM: 'sha256',
    S3_CONFIRM: 'read',
    HEARTBEAT_URL: 'https://hc-ping.com/key',
    NOTIFY_URLS: 'ntfy://ntfy.sh/topic',
    REDIS_URL: 'redis://u:p@h',
    SITE: 'paris',
    BOARD_PASSWORD: 'geheimnis',
    BOARD_URL: 'https://ops.example.com/pgstow',
    LOG_LEVEL: 'debug',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20key',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-key=key',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_RESOURCE_ATTRIBUTES: 'a=b',
    OTEL_TRACES_SAMPLER: 'always_off',
    OTEL_TRACES_SAMPLER_ARG: '0.5',
    OTEL_SDK_DISABLED: 'true',
  };
  if (name.includes('CONCURRENCY')) return '3';
  return samples[name] ?? (/PORT|INTERVAL|KEEP|TIMEOUT|GRACE|LIMIT|JITTER/.test(name) ? '177' : 'value');
}
