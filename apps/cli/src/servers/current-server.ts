import { AsyncLocalStorage } from 'node:async_hooks';
import { formatTarget } from '@pgstow/shared/contract/target.ts';

/** The server that a part of a verb works for, and the text of TARGETS_FILE that names it. */
type CurrentServer = { readonly server: string | undefined; readonly targets: string | undefined };

const current = new AsyncLocalStorage<CurrentServer>();

/** The server that `readSettings` reads for; `undefined`: that of stack.env. */
export function currentServer(): string | undefined {
  return current.getStore()?.server;
}

/** A database of that server as people write it: `server/database`. */
export function showDatabase(database: string): string {
  return formatTarget({ server: currentServer(), database });
}

/** The text of TARGETS_FILE; `undefined`: as it lies on the disk. */
export function currentTargets(): string | undefined {
  return current.getStore()?.targets;
}

/** Works for one server: all that `work` reads of the configuration is that server's. */
export function inServer<T>(server: string | undefined, work: () => T): T {
  return current.run({ server, targets: currentTargets() }, work);
}

/** Works with another text in place of TARGETS_FILE: the one that the processes go on with. */
export function inTargets<T>(targets: string | undefined, work: () => T): T {
  return current.run({ server: currentServer(), targets }, work);
}
