import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readFolder, type FolderContents, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import type { SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';

/** What a check of PostgreSQL learned that others need; nothing where no server answered. */
export type CheckedSource = {
  /** The server's major version. */
  readonly major?: number;
  /** What each database that answered takes on the server's disk. */
  readonly databaseBytes: ReadonlyMap<string, number>;
  /** Whose each of those is. */
  readonly identities: ReadonlyMap<string, SourceIdentity>;
};

/** That PostgreSQL may take to be checked, database by database. */
export function sourceTimeoutMs({ databases }: Pick<PostgresConfig, 'databases'>): number {
  return 60_000 + 20_000 * databases.length;
}

/** What a check goes by is not known, for a reason that another check tells: the check is skipped. */
export class UnknownFactError extends Error {
  override readonly name = 'UnknownFactError';
}

/** What several checks need and one of them reads. */
export type Facts = {
  readonly now: Date;
  /** Ends once PostgreSQL has been checked. Never rejects. */
  readonly source: Promise<CheckedSource>;
  readonly tellSource: (source: CheckedSource) => void;
  /** Reads the backup folder, once. @throws with what is to be mended */
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
    tellSource: resolve,
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
