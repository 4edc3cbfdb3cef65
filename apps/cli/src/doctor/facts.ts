import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readFolder, type FolderContents, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import type { SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';

/** Facts of the source that one check learns and others need; empty if no server answered. */
export type CheckedSource = {
  /** The server's major version. */
  readonly major?: number;
  /** Size on the server's disk of each database that answered. */
  readonly databaseBytes: ReadonlyMap<string, number>;
  /** Extensions of each of those. */
  readonly extensions: ReadonlyMap<string, readonly string[]>;
  /** Identity of each of those. */
  readonly identities: ReadonlyMap<string, SourceIdentity>;
};

/** Found databases that are looked into: each takes a second or two. */
export const MOST_FOUND = 100;

/** Time limit for checking PostgreSQL, database by database. */
export function sourceTimeoutMs({ databases, patterns }: Pick<PostgresConfig, 'databases' | 'patterns'>): number {
  return 60_000 + 20_000 * (patterns.length === 0 ? databases.length : MOST_FOUND);
}

/** A fact that a check needs is not known, for a reason that another check reports. The check is skipped. */
export class UnknownFactError extends Error {
  override readonly name = 'UnknownFactError';
}

/** Facts that several checks need and one of them reads. */
export type Facts = {
  readonly now: Date;
  /** Resolves once PostgreSQL has been checked. Never rejects. */
  readonly source: Promise<CheckedSource>;
  readonly setSource: (source: CheckedSource) => void;
  /** Reads the backup folder, once. @throws an error whose hint says what to mend */
  readonly readFolder: (folder: string) => Promise<FolderContents>;
  /** The dumps in it, oldest first. @throws UnknownFactError if it cannot be read */
  readonly readDumps: (folder: string) => Promise<readonly KnownDump[]>;
};

export function createFacts(now: Date): Facts {
  const { promise, resolve } = Promise.withResolvers<CheckedSource>();
  let contents: Promise<FolderContents> | undefined;
  const readOnce = (folder: string): Promise<FolderContents> => {
    contents ??= readFolder(folder).catch((error: unknown) => {
      throw unreadableFolder(error, folder);
    });
    return contents;
  };
  return {
    now,
    source: promise,
    setSource: resolve,
    readFolder: readOnce,
    readDumps: async (folder) => {
      try {
        return (await readOnce(folder)).dumps;
      } catch {
        throw new UnknownFactError('not checked, because the backup folder cannot be read');
      }
    },
  };
}
