import { readFileSync } from 'node:fs';
import { ConfigError, readConfig, type AnySubject } from '@pgstow/shared/config/read-config.ts';
import { subjects as known } from '@pgstow/shared/config/subjects.ts';
import { targets } from '@pgstow/shared/config/subjects/targets.ts';
import { readTargets, type ServerReading } from '@pgstow/shared/config/targets/read-targets.ts';
import { keepSecrets } from '../format/keep-secrets.ts';
import { currentTargets } from './current-server.ts';

type Subjects = Readonly<Record<string, AnySubject>>;

/**
 * The servers of TARGETS_FILE, by the subjects that a verb needs; none without such a file. Their secrets are kept out of stderr.
 *
 * @throws ConfigError with all faults of the file
 */
export function readTargetsFile<const S extends Subjects>(subjects: S): readonly ServerReading<S>[] {
  const { file } = readConfig(process.env, { targets }, Object.values(known)).config.targets;
  if (file === undefined) return [];
  const { servers, faults, secrets } = readTargets(file, currentTargets() ?? readText(file), process.env, subjects);
  keepSecrets(secrets);
  if (faults.length > 0) throw new ConfigError(faults);
  return servers;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `TARGETS_FILE: cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
    ]);
  }
}
