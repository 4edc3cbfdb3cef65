import { findServers } from '@pgstow/postgres/client/client-version.ts';
import { assertServerMajor } from '@pgstow/scratch/choose-scratch-programs.ts';
import { NoRoomError, roomFor } from '@pgstow/scratch/scratch-disk.ts';
import { lookAtScratchHost } from '@pgstow/scratch/scratch-host-client.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import prettyBytes from 'pretty-bytes';

/**
 * Checks for room and for a server of the source's version before the dump is downloaded.
 *
 * @throws NoRoomError; NoScratchServerError; RetryableError if a scratch host does not answer
 */
export async function assertPossible(
  { folder, hostFolder, diskBytes }: VerifyConfig,
  { bytes, sqlBytes, source, serverVersion }: Manifest,
  signal: AbortSignal,
): Promise<void> {
  // The compressed dump and the restored database lie there at the same time, with a scratch host mostly on one disk, too.
  const needed = bytes + (source?.databaseBytes ?? 3 * sqlBytes);
  const room = await roomFor(folder, diskBytes);
  const host = hostFolder === undefined ? undefined : await lookAtScratchHost(hostFolder, signal);
  assertRoom(folder, room, host === undefined ? needed : bytes);
  if (host !== undefined) assertRoom(hostFolder ?? '', Math.min(host.roomBytes, diskBytes ?? Infinity), needed);
  if (serverVersion === undefined) return;
  assertServerMajor(
    Number.parseInt(serverVersion, 10),
    host?.majors ?? (await findServers()).map(({ major }) => major),
  );
}

function assertRoom(folder: string, room: number, needed: number): void {
  if (room >= needed) return;
  throw new NoRoomError(
    `${folder} has room for ${prettyBytes(room)}, and the restore test needs about ${prettyBytes(needed)}`,
  );
}
