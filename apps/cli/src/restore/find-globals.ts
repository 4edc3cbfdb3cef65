import { hasManifest, listBackups, type ListBackupsOptions, type ProvenBackup } from '@pgstow/backups/list-backups.ts';
import { manifestsAround } from '@pgstow/backups/manifests-around.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { parseGlobalsStatement, type GlobalsStatement } from '@pgstow/postgres/restore/parse-globals.ts';
import { readGlobals } from '@pgstow/postgres/restore/read-globals.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { warn } from '../format/warn.ts';
import { chooseIdentity } from './choose-identity.ts';
import { stageDump, type DumpSource } from './stage-dump.ts';

/** The newest dump of globals that counts, read. */
export type FoundGlobals = { readonly name: string; readonly statements: readonly GlobalsStatement[] };

type Places = Pick<ListBackupsOptions, 'folder' | 'stores' | 'decrypt'>;
type Options = Pick<DumpSource, 'folder' | 'staging' | 'signal'> & {
  readonly from: string | undefined;
  readonly identityFile: string | undefined;
};

/**
 * Finds and reads the newest dump of globals. One that cannot be read is a warning: the database is restored all the same.
 *
 * @param places those that `--from` names
 * @returns `undefined` if there is none
 */
export async function findGlobals(
  places: Places,
  { from, identityFile, ...options }: Options,
): Promise<FoundGlobals | undefined> {
  const now = new Date();
  const { signal } = options;
  const { stores } = places;
  const chooseManifests = manifestsAround(now);
  const { backups } = await listBackups({ ...places, databases: [GLOBALS], chooseManifests, signal });
  const sound = backups.filter(hasManifest).filter(isSound);
  const backup = newestByNow(sound.toReversed(), now);
  if (backup === undefined) return undefined;
  const place = from ?? (backup.places.includes(LOCAL) ? LOCAL : (backup.places[0] ?? LOCAL));
  try {
    const identity = await chooseIdentity(backup.name, identityFile);
    await using dump = await stageDump({ ...options, stores, backup, place }, () => undefined);
    return {
      name: backup.name,
      statements: (await readGlobals({ path: dump.path, identityFile: identity })).map(parseGlobalsStatement),
    };
  } catch (error) {
    signal.throwIfAborted();
    warn(`${backup.name} cannot be read, and nothing is brought back from it: ${describeError(error)}`);
    return undefined;
  }
}

function isSound({ state }: ProvenBackup): boolean {
  return state !== 'bad' && state !== 'suspect';
}
