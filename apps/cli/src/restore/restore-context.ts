import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import type { RestoreTarget } from './restore-target.ts';

/** What the command line of `pgstow restore` says. */
export type RestoreOptions = {
  readonly to: string;
  readonly at: string;
  readonly from?: string;
  readonly create?: true;
  readonly force?: true;
  readonly yesOverwriteSource?: string;
  readonly createRoles: boolean;
  readonly staging?: string;
};

/** What every step of a restore works with. */
export type RestoreContext = {
  readonly options: RestoreOptions;
  readonly target: RestoreTarget;
  readonly clients: Clients;
  readonly signal: AbortSignal;
};
