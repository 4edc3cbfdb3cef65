import { z } from 'zod';
import type { FolderDestination } from '../../contract/destination.ts';
import type { ReportFault, Values } from '../subject.ts';
import { buildKeep, keepVariables, type Keep } from '../values/keep-variables.ts';
import { wholeNumber } from '../values/whole-number.ts';

/** A folder as a destination. */
export type FolderConfig = {
  readonly destination: FolderDestination;
  /** The same folder's path on the container's host, where compose gives it. */
  readonly folderOnHost: string | undefined;
  /** Longest wait for an answer of its file system. */
  readonly timeoutMs: number;
  /** Dumps that stay there; `undefined`: all. */
  readonly keep: Keep | undefined;
};

/** The variables that say where the folder is. */
export const copyPlaceVariables = {
  COPY_DIR: {
    schema: z.string().startsWith('/', 'expected an absolute path').optional(),
    description:
      'Folder that dumps are copied to, on another disk or a NAS that this host has mounted. `pgstow prepare` marks it once, so that a folder that is not mounted is never taken for an empty one.',
  },
} as const;

export const copyVariables = {
  ...copyPlaceVariables,
  PGSTOW_COPY_FOLDER: {
    schema: z.string().optional(),
    description:
      'For docker-compose: the folder of the host that it mounts at `/copies`; messages name it. Set `COPY_DIR=/copies` with it.',
  },
  COPY_TIMEOUT: {
    schema: wholeNumber('a number of seconds', 1, 3600).default(60),
    description: 'Seconds that the file system of that folder may take for one answer.',
  },
  ...keepVariables('COPY'),
} as const;

/** Builds the configuration of a folder; `undefined` if none is named. */
export function buildCopy(
  name: string,
  values: Values<typeof copyVariables>,
  report: ReportFault,
): FolderConfig | undefined {
  const destination = buildCopyPlace(name, values, report);
  if (destination === undefined) return undefined;
  return {
    destination,
    folderOnHost: values.PGSTOW_COPY_FOLDER,
    timeoutMs: values.COPY_TIMEOUT * 1000,
    keep: buildKeep('COPY', values),
  };
}

/** Builds the place alone. */
export function buildCopyPlace(
  name: string,
  { COPY_DIR }: Values<typeof copyPlaceVariables>,
  report: ReportFault,
): FolderDestination | undefined {
  if (COPY_DIR === undefined) return undefined;
  const folder = COPY_DIR.replace(/\/+$/, '');
  if (folder === '') report('COPY_DIR', 'expected a folder of its own, got "/"');
  if (folder.split('/').some((part) => part === '..' || part === '.'))
    report('COPY_DIR', `expected a path without . and .., got ${JSON.stringify(COPY_DIR)}`);
  return { name, folder, prefix: '' };
}
