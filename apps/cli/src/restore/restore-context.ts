import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import type { RestoreTarget } from './restore-target.ts';

/** Options of `pgstow restore`. */
export type RestoreOptions = {
  readonly to: string;
  readonly at: string;
  readonly from?: string;
  readonly create?: true;
  readonly force?: true;
  readonly yesOverwriteSource?: string;
  readonly createRoles: boolean;
  readonly globals: boolean;
  readonly searchPath?: string;
  readonly staging?: string;
  readonly identity?: string;
};

/** Input of every step of a restore. */
export type RestoreContext = {
  readonly options: RestoreOptions;
  readonly target: RestoreTarget;
  readonly clients: Clients;
  /** BACKUP_DIR. */
  readonly folder: string;
  readonly signal: AbortSignal;
};
