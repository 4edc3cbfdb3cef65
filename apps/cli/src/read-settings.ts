import { readTargets } from '@pgstow/catalog/folder/read-targets.ts';
import { chooseTargets } from '@pgstow/shared/config/choose-targets.ts';
import { readConfig, type ConfigReading } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describeTarget, EVERY_DATABASE, GLOBALS } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { misuse } from './exit-codes.ts';
import { keepSecrets } from './format/keep-secrets.ts';
import { currentServer } from './servers/current-server.ts';
import { readTargetsFile } from './servers/read-targets-file.ts';

type Subjects = typeof subjects;

/**
 * The subjects of the configuration that a verb needs, of the server that it works for. Their secrets are kept out of stderr.
 *
 * @throws ConfigError
 */
export function readSettings<const K extends keyof Subjects>(
  ...keys: readonly K[]
): ConfigReading<Pick<Subjects, K>>['config'] {
  const wanted = Object.fromEntries(keys.map((key) => [key, subjects[key]])) as Pick<Subjects, K>;
  const server = currentServer();
  if (server !== undefined) return readServer(server, wanted);
  const { config, secrets } = readConfig(process.env, wanted, Object.values(subjects));
  keepSecrets(secrets);
  return config;
}

/** @throws ExitError if TARGETS_FILE does not name the server any more; ConfigError */
function readServer<const S extends Parameters<typeof readTargetsFile>[0]>(
  server: string,
  wanted: S,
): ConfigReading<S>['config'] {
  const found = readTargetsFile(wanted).find(({ name }) => name === server);
  if (found === undefined) throw misuse(`there is no server ${server}`);
  return found.config;
}

/** The targets of now, by the settings and what was found on the server. @throws RetryableError if what was found cannot be read */
export function targetsNow(postgres: PostgresConfig): readonly string[] {
  return readTargets(postgres.patterns.length === 0 ? '' : readSettings('backup').backup.folder, postgres);
}

/** What a word on the command line may name where a backup of it need not be configured: `globals` may be a database as well. */
export function targetsNamed(word: string): readonly string[] {
  return word === describeTarget(GLOBALS) ? [word, GLOBALS] : [word];
}

/** The targets that were named, or all of them. @throws ExitError if one is not configured */
export function chooseDatabases(named: readonly string[], postgres: PostgresConfig): readonly string[] {
  try {
    return chooseTargets(named, targetsNow(postgres));
  } catch (error) {
    throw misuse(describeError(error));
  }
}

/**
 * The databases that a verb is for: that of a backup's name or, with `latest`, the one of `--database`, or all configured ones.
 *
 * @throws ExitError if the arguments contradict one another
 */
export function databasesOf(name: string, database: string | undefined): readonly string[] {
  if (name === 'latest')
    return chooseDatabases(database === undefined ? [] : [database], readSettings('postgres').postgres).filter(
      (target) => target !== EVERY_DATABASE,
    );
  const parts = parseBackupName(name);
  if (parts === undefined)
    throw misuse(`expected latest or a backup's name, got ${JSON.stringify(name)}`, 'See pgstow list --long.');
  if (database !== undefined && !targetsNamed(database).includes(parts.database))
    throw misuse(`${name} is a backup of ${describeTarget(parts.database)}, not of ${database}`);
  return [parts.database];
}
