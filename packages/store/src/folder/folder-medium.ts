import { stat, statfs } from 'node:fs/promises';
import type { FolderMedium } from '@pgstow/shared/contract/receipt.ts';

/**
 * Types of file systems that lie on another host: NFS, SMB, CIFS, SMB2, Ceph, AFS, 9P and GlusterFS or sshfs (FUSE).
 * Source: statfs(2), linux/magic.h
 */
const OF_A_NETWORK: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x5346414f, 0x01021997, 0x65735546,
]);

/** Says on what a folder lies, as seen from the backup folder. @throws as the file system does */
export async function mediumOf(folder: string, backupFolder: string): Promise<FolderMedium> {
  const [theirs, ours, { type }] = await Promise.all([stat(folder), stat(backupFolder), statfs(folder)]);
  if (theirs.dev === ours.dev) return 'same-disk';
  return OF_A_NETWORK.has(type >>> 0) ? 'network' : 'other-disk';
}
