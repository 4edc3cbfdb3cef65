import { UNNAMED_SERVER } from '@pgstow/shared/contract/target.ts';
import { Option } from 'commander';
import { misuse } from '../exit-codes.ts';
import { readSettings } from '../read-settings.ts';
import { inServer } from './current-server.ts';
import { readTargetsFile } from './read-targets-file.ts';

/** The option `--server`, as every verb takes it. */
export function serverOption(): Option {
  return new Option('--server <server>', `a server of TARGETS_FILE, or ${UNNAMED_SERVER} for that of stack.env`);
}

/** What a person named, on a server. */
export type Chosen = {
  /** `undefined`: that of stack.env. */
  readonly server: string | undefined;
  /** A database, or a backup's name; `undefined`: none was named. */
  readonly named: string | undefined;
};

/** The servers that there are, that of stack.env first unless TARGETS_FILE names them all. */
export function listServers(): readonly (string | undefined)[] {
  const names = readTargetsFile({}).map(({ name }) => name);
  return names.length > 0 && !isUnnamedInUse() ? names : [undefined, ...names];
}

/**
 * The server of what a person named: `server/database`, or a database of the server that `--server` names, or else of that of
 * stack.env. A database there whose own name has such a slash comes first.
 *
 * @throws ExitError if there is no such server
 */
export function chooseServer(named: string | undefined, option: string | undefined): Chosen {
  const names =
    option === undefined && named?.includes('/') !== true ? [] : readTargetsFile({}).map(({ name }) => name);
  if (option !== undefined) {
    if (option !== UNNAMED_SERVER && !names.includes(option))
      throw misuse(`there is no server ${option}`, `There are ${[UNNAMED_SERVER, ...names].join(', ')}.`);
    const server = option === UNNAMED_SERVER ? undefined : option;
    const isRepeated = server !== undefined && named?.startsWith(`${server}/`) === true;
    return { server, named: isRepeated ? named.slice(server.length + 1) : named };
  }
  const [server = '', ...rest] = named?.split('/') ?? [];
  if (!names.includes(server) || isUnnamedDatabase(named ?? '')) return { server: undefined, named };
  return { server, named: rest.join('/') };
}

/** The servers of a verb that takes one name or none: of none, all servers. */
export function chooseServers(named: string | undefined, option: string | undefined): readonly Chosen[] {
  if (named !== undefined || option !== undefined) return [chooseServer(named, option)];
  return listServers().map((server) => ({ server, named: undefined }));
}

function isUnnamedDatabase(name: string): boolean {
  try {
    return inServer(undefined, () => readSettings('postgres').postgres.databases.includes(name));
  } catch {
    return false;
  }
}

function isUnnamedInUse(): boolean {
  try {
    return inServer(undefined, () => readSettings('postgres').postgres.host !== '');
  } catch {
    // Its faults are for the verb to report.
    return true;
  }
}
