import type { FoundDatabase } from '@pgstow/shared/contract/found-databases.ts';
import type { DatabaseStatus } from './protection-policy.ts';
import type { ServerFacts } from './read-site.ts';

/** How a database stands, on which server, and the facts that say so. */
export type SiteDatabase = DatabaseStatus & ServerFacts;

/** A database that is gone from its server. */
export type GoneDatabase = FoundDatabase & ServerFacts;

/** How a site stands. */
export type SiteStatus = {
  readonly servers: readonly ServerFacts[];
  /** Databases of all servers. */
  readonly databases: readonly SiteDatabase[];
  /** Databases that are gone from their servers; their backups stay. */
  readonly gone: readonly GoneDatabase[];
  /** Faults of the whole site, a sentence each. */
  readonly faults: readonly string[];
  /** Faults that name servers, or what stands in TARGETS_FILE, which not everybody may know. */
  readonly namedFaults: readonly string[];
};
