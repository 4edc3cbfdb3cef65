import { allRecorded, readFolder, type FolderContents, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { Records } from '@pgstow/catalog/folder/records.ts';
import { applyDestinationRetention, type HeldDump } from '@pgstow/catalog/policy/destination-policy.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { isSettled } from '@pgstow/catalog/policy/is-confirmed.ts';
import type { Freeze, RetentionPolicy, Verdict } from '@pgstow/catalog/policy/retention-policy.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStore, type StoreContents } from './read-store.ts';
import { readStoredAcceptance, readStoredPin } from './read-stored-words.ts';

export type DestinationVerdictOptions = {
  readonly records: Records | string;
  /** The destination's own. */
  readonly policy: Omit<RetentionPolicy, 'destinations'>;
  /** Only these; all unless given. */
  readonly databases?: readonly string[] | undefined;
  /** As in `ReadStoreOptions`. */
  readonly remembered?: Map<BackupName, ManifestOutline> | undefined;
  readonly now: Date;
  readonly signal: AbortSignal;
};

export type JudgedDestination = {
  /** Verdicts by database, oldest dump first. */
  readonly verdicts: ReadonlyMap<string, readonly Verdict[]>;
  /** The reason of each database of which nothing may be deleted there. */
  readonly frozen: ReadonlyMap<string, Freeze>;
  /** The manifest that each verdict was found by. */
  readonly manifests: ReadonlyMap<BackupName, ManifestOutline>;
  /** Manifests without their dump, as a deletion leaves them that was cut off. */
  readonly orphans: readonly BackupName[];
  /** Why something there does not count, a sentence each. */
  readonly faults: readonly string[];
};

/**
 * Applies a destination's retention policy to every dump that lies there. Where the store could not be read to its end there is no
 * verdict: nothing may be deleted then.
 *
 * @throws if the folder cannot be read; the reason of the signal
 */
export async function readDestinationVerdicts(
  store: Store,
  { records, policy, databases, remembered, now, signal }: DestinationVerdictOptions,
): Promise<JudgedDestination> {
  const contents = await readFolder(records, { databases });
  const recorded = allRecorded(contents);
  const dumps = new Map(recorded.map((dump) => [dump.manifest.name, dump]));
  const stored = await readStore(store, {
    dumps,
    databases,
    isWanted: (name) => databases === undefined || databases.includes(parseBackupName(name).database),
    chooseManifests: (names) => names,
    // Whose an encrypted manifest is stays open where a worker has no identity: its dump is not judged, and stays.
    decrypt: undefined,
    remembered,
    signal,
  });
  const { held, orphans, illegible, isWhole, faults } = stored;
  const manifests = new Map([...held].map(([name, { manifest }]) => [name, manifest]));
  const verdicts = new Map<string, readonly Verdict[]>();
  const frozen = new Map<string, Freeze>();
  if (!isWhole) return { verdicts, frozen, manifests, orphans: [], faults };
  const judged: HeldDump[] = [];
  for (const name of held.keys()) judged.push(await describeHeld(store, name, { contents, dumps, stored, signal }));
  judged.sort(
    ({ manifest: a }, { manifest: b }) => Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1),
  );
  const { prefix } = store.destination;
  for (const [database, ours] of Map.groupBy(judged, ({ manifest }) => parseBackupName(manifest.name).database)) {
    const unclear = illegible.find((name) => parseBackupName(name).database === database);
    const damaged =
      contents.damaged.get(database) ??
      (unclear && `the manifest of ${store.destination.name}:${dumpKey(prefix, unclear)}`);
    const known = dumpsOf(database, recorded);
    const { verdicts: theirs, freeze } = applyDestinationRetention(ours, known, policy, now, damaged);
    verdicts.set(database, theirs);
    if (freeze !== undefined) frozen.set(database, freeze);
  }
  return { verdicts, frozen, manifests, orphans, faults };
}

type Surroundings = {
  readonly contents: FolderContents;
  readonly dumps: ReadonlyMap<BackupName, KnownDump>;
  readonly stored: StoreContents;
  readonly signal: AbortSignal;
};

/** Puts together what the folder and the store know of a dump that lies at the store. */
async function describeHeld(
  store: Store,
  name: BackupName,
  { contents, dumps, stored, signal }: Surroundings,
): Promise<HeldDump> {
  const known = dumps.get(name);
  if (known !== undefined) {
    const isRecorded = isSettled(known, store.destination);
    const neededBy = isRecorded ? whyNeeded(known, contents, store) : 'its upload is not confirmed';
    return { ...known, isRecorded, neededBy };
  }
  const manifest = stored.held.get(name)?.manifest;
  if (manifest === undefined) throw new TypeError(`${name} is not held`);
  const acceptance =
    manifest.suspect !== undefined && stored.words.acceptance.has(name)
      ? await readStoredAcceptance(store, manifest, signal)
      : undefined;
  const pin =
    contents.pins.get(name) ?? (stored.words.pin.has(name) ? await readStoredPin(store, name, signal) : undefined);
  return {
    manifest,
    receipts: new Map(),
    restoreTests: new Map(),
    ...(acceptance === undefined ? {} : { acceptance }),
    ...(pin === undefined || pin.unpinnedAt !== undefined ? {} : { pin }),
    isRecorded: false,
  };
}

/** A dump whose record alone is in the folder is kept by the folder's own numbers, and lies where its receipts say. */
function whyNeeded(known: KnownDump, { elsewhere }: FolderContents, { destination }: Store): string | undefined {
  if (!elsewhere.includes(known)) return undefined;
  const others = [...known.receipts.values()].filter(
    (receipt) => receipt.destination !== destination.name && receipt.prunedAt === undefined,
  );
  return others.length > 0 ? undefined : "it lies nowhere else, and the folder's numbers keep it as well";
}
