import { DESTINATION_NAMES, isFolderConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import { prepareFolder } from '@pgstow/store/folder/prepare-folder.ts';
import type { Command } from 'commander';
import { misuse } from '../exit-codes.ts';
import { readSettings } from '../read-settings.ts';

const EXAMPLES = `
It writes the file .pgstow-destination into the folder. Without that file, pgstow takes
the folder for one that is not mounted, and neither reads nor writes there: the empty
folder on which a NAS is to be mounted is not an empty destination.
Mount the disk first, and look that it is the right one.

Examples:
  pgstow prepare                    the folder of COPY_DIR, once
  docker-compose run --rm cli prepare`;

type PrepareOptions = { readonly sameDisk?: boolean };

/** `pgstow prepare`: marks a folder as a destination. */
export function addPrepare(pgstow: Command): void {
  pgstow
    .command('prepare')
    .description('mark a folder as a destination, once it is mounted')
    .argument('[destination]', 'its name', DESTINATION_NAMES.folder)
    .option('--same-disk', 'even if it is on the disk of the backup folder')
    .addHelpText('after', EXAMPLES)
    .action(prepare);
}

async function prepare(name: string, { sameDisk = false }: PrepareOptions): Promise<void> {
  const { backup, destinations } = readSettings('backup', 'destinations');
  const destination = destinations.filter(isFolderConfig).find((each) => each.destination.name === name)?.destination;
  if (destination === undefined)
    throw misuse(`there is no folder of the name ${name} to copy to`, 'Set COPY_DIR to a folder on another disk.');
  const isNew = await prepareFolder(destination, { backupFolder: backup.folder, mayShareDisk: sameDisk });
  console.log(
    isNew
      ? `${destination.folder} is a destination now; the upload worker copies to it within the hour, or at its start`
      : `${destination.folder} is a destination already`,
  );
}
