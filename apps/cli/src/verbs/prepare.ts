import { isFolderConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import type { FolderDestination } from '@pgstow/shared/contract/destination.ts';
import { prepareFolder } from '@pgstow/store/folder/prepare-folder.ts';
import type { Command } from 'commander';
import { misuse } from '../exit-codes.ts';
import { readSettings } from '../read-settings.ts';
import { listServers } from '../servers/choose-servers.ts';
import { inServer } from '../servers/current-server.ts';

const EXAMPLES = `
It writes the file .pgstow-destination into the folder. Without that file, pgstow takes
the folder for one that is not mounted, and neither reads nor writes there: the empty
folder on which a NAS is to be mounted is not an empty destination.
Mount the disk first, and look that it is the right one.

Examples:
  pgstow prepare                    the folder of COPY_DIR, and those of TARGETS_FILE, once
  docker-compose run --rm cli prepare`;

type PrepareOptions = { readonly sameDisk?: boolean };

/** `pgstow prepare`: marks a folder as a destination. */
export function addPrepare(pgstow: Command): void {
  pgstow
    .command('prepare')
    .description('mark a folder as a destination, once it is mounted')
    .argument('[destination]', 'its name; all folders that dumps are copied to unless given')
    .option('--same-disk', 'even if it is on the disk of the backup folder')
    .addHelpText('after', EXAMPLES)
    .action(prepare);
}

async function prepare(name: string | undefined, { sameDisk = false }: PrepareOptions): Promise<void> {
  // A server's folder below it may not be there yet.
  const { folder: backupFolder } = inServer(undefined, () => readSettings('backup')).backup;
  const wanted = foldersToPrepare().filter((destination) => name === undefined || destination.name === name);
  if (wanted.length === 0)
    throw misuse(
      name === undefined ? 'there is no folder to copy to' : `there is no folder of the name ${name} to copy to`,
      'Set COPY_DIR to a folder on another disk, or name a folder among the destinations of TARGETS_FILE.',
    );
  for (const destination of wanted) {
    const isNew = await prepareFolder(destination, { backupFolder, mayShareDisk: sameDisk });
    console.log(
      isNew
        ? `${destination.folder} is a destination now; the upload worker copies to it within the hour, or at its start`
        : `${destination.folder} is a destination already`,
    );
  }
}

/** The folders that any server copies to, each once: servers have prefixes in them. */
function foldersToPrepare(): readonly FolderDestination[] {
  const configs = listServers().flatMap((server) => inServer(server, () => readSettings('destinations')).destinations);
  const folders = configs.filter(isFolderConfig).map(({ destination }) => [destination.folder, destination] as const);
  return [...new Map(folders).values()];
}
