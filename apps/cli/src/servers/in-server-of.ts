import { chooseServer } from './choose-servers.ts';
import { inServer } from './current-server.ts';

/** Options of a verb whose server is chosen, in which `database` may be missing. */
export type InServer<T extends { readonly database?: string }> = Omit<T, 'server' | 'database'> & {
  readonly database: string | undefined;
};

/**
 * Works for the server of a backup: `server/NAME`, `server/latest`, or the server of `--database server/database` or `--server`.
 *
 * @param work gets the name and the database without their server
 */
export function inServerOf<T>(
  name: string,
  { server, database }: { readonly server?: string; readonly database?: string },
  work: (name: string, database: string | undefined) => T,
): T {
  const byDatabase = database === undefined ? undefined : chooseServer(database, server);
  const byName = chooseServer(name, server ?? byDatabase?.server);
  return inServer(byName.server, () => work(byName.named ?? name, byDatabase?.named));
}
