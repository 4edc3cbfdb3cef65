import { join } from 'node:path';
import { readSubjects, type AnySubject, type BuiltOf } from '../read-config.ts';
import { backup } from '../subjects/backup.ts';
import { postgres } from '../subjects/postgres.ts';
import type { Environment } from './environment.ts';
import { nameOf, overlay, type Layer, type Overlaid } from './overlay.ts';
import { parseTargets, type ReportAt } from './parse-targets.ts';
import {
  checkDestinationNames,
  DESTINATION_KEYS,
  readDestinations,
  type DestinationsReading,
} from './read-destinations.ts';
import { connectionSettings, serverSettings } from './settings.ts';
import type { TargetsDocument } from './targets-schema.ts';
import type { YamlPositions } from './yaml-positions.ts';

type Subjects = Readonly<Record<string, AnySubject>>;

/** A server of TARGETS_FILE, configured as the server of stack.env is. */
export type ServerReading<S extends Subjects> = { readonly name: string; readonly config: BuiltOf<S> };

export type TargetsReading<S extends Subjects> = {
  /** Empty if there is a fault. */
  readonly servers: readonly ServerReading<S>[];
  /** A sentence each, which begins with line and column in the file. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  /** The values that must never be shown. */
  readonly secrets: readonly string[];
};

const settings = { ...connectionSettings, ...serverSettings };

/**
 * Reads the servers in the text of TARGETS_FILE. Each is built by the subjects of the process from the environment with the file's
 * values over it. Of the environment, nothing about the server of stack.env holds for another one.
 *
 * @param file the path, for faults
 */
export function readTargets<const S extends Subjects>(
  file: string,
  text: string,
  env: Environment,
  subjects: S,
): TargetsReading<S> {
  const faults: string[] = [];
  const report: ReportAt = (position, fault) => faults.push(`${file}:${position}: ${fault}`);
  const parsed = parseTargets(text, report);
  if (parsed === undefined) return { servers: [], faults, warnings: [], secrets: [] };
  const { document, positions } = parsed;
  checkDestinationNames(document, positions, report);
  const keys = DESTINATION_KEYS.filter((key) => key in subjects);
  const destinations = readDestinations(document, { env, keys, positions, report });
  const read = document.servers.map((server, index) => {
    const layers = [
      { values: document.defaults ?? {}, path: ['defaults'] },
      { values: server, path: ['servers', index] },
    ];
    const { name, config, ...others } = readServer(server.name, layers, { env, subjects, positions, report });
    const names = server.destinations ?? document.defaults?.destinations;
    return { name, config: withDestinations(config, name, names, destinations.choose), ...others };
  });
  const servers = read.map(({ name, config }) => ({ name, config: config as BuiltOf<S> }));
  return {
    servers: faults.length === 0 ? servers : [],
    faults,
    warnings: read.flatMap(({ name, warnings }) => warnings.map((warning) => `${file}: ${name}: ${warning}`)),
    secrets: [...destinations.secrets, ...read.flatMap(({ secrets }) => secrets)],
  };
}

type ReadOptions = {
  readonly env: Environment;
  readonly subjects: Subjects;
  readonly positions: YamlPositions;
  readonly report: ReportAt;
};

function readServer(
  name: TargetsDocument['servers'][number]['name'],
  layers: readonly Layer[],
  { env, subjects, positions, report }: ReadOptions,
) {
  const overlaid = overlay(withoutUnnamed(env, name), settings, layers);
  const own = layers.at(-1)?.path ?? [];
  const place = (variable: string): string => positions.of(overlaid.origins.get(variable) ?? own);
  const reading = readSubjects(overlaid.env, subjects);
  const used = new Set(Object.values(subjects).flatMap(({ variables }) => Object.keys(variables)));
  const faults = new Map(reading.faults);
  for (const [variable, reference] of overlaid.unset)
    if (used.has(variable)) faults.set(variable, `names the environment variable ${reference}, which is not set`);
  for (const [variable, fault] of faults)
    report(place(variable), `${name}: ${keyOf(variable, overlaid)}: ${inKeys(fault)}`);
  const config: Configuration = reading.config;
  return {
    name,
    config,
    warnings: reading.warnings.map(inKeys),
    secrets: reading.secrets,
  };
}

/** The environment without what is about the server of stack.env alone, and with the server's own folder. */
function withoutUnnamed(env: Environment, name: string): Environment {
  const about = new Set(Object.keys(postgres.variables).map(nameOf));
  const rest = Object.entries(env).filter(([variable]) => !about.has(nameOf(variable)));
  const folder = env['BACKUP_DIR'] || backup.variables.BACKUP_DIR.schema.parse(undefined);
  const onHost = env['PGSTOW_FOLDER'];
  return {
    ...Object.fromEntries(rest),
    BACKUP_DIR: join(folder, name),
    ...(onHost?.includes('/') === true ? { PGSTOW_FOLDER: join(onHost, name) } : {}),
  };
}

type Configuration = Readonly<Record<string, unknown>>;
type Placed = { readonly prefix: string } | { readonly destination: { readonly prefix: string } };

/** Gives a server the destinations that it names or, if it names none, those of the environment, and a prefix of its own at each. */
function withDestinations(
  config: Configuration,
  name: string,
  names: readonly string[] | undefined,
  choose: DestinationsReading['choose'],
): Configuration {
  const moved = <T extends { readonly prefix: string }>(place: T): T => ({
    ...place,
    prefix: `${place.prefix}${name}/`,
  });
  const own = DESTINATION_KEYS.filter((key) => key in config).map((key) => {
    const all = names === undefined ? (config[key] as readonly Placed[]) : choose(key, names);
    const placed = all.map((each) =>
      'destination' in each ? { ...each, destination: moved(each.destination) } : moved(each),
    );
    return [key, placed] as const;
  });
  return { ...config, ...Object.fromEntries(own) };
}

const KEYS: ReadonlyMap<string, string> = new Map(
  // The first key of a variable is the one that people know it by.
  Object.entries(settings)
    .toReversed()
    .map(([key, { variable }]) => [nameOf(variable), key]),
);

/** The key that set a variable or, if none did, the one that sets it. */
function keyOf(variable: string, { origins }: Pick<Overlaid, 'origins'>): string {
  const path = origins.get(variable)?.slice();
  if (path === undefined) return KEYS.get(variable) ?? variable;
  return path
    .filter((step, index) => !(index < 2 && (step === 'servers' || typeof step === 'number')) && step !== 'defaults')
    .join('.');
}

/** A sentence about variables, in the words of the file. */
function inKeys(sentence: string): string {
  return sentence.replaceAll(
    /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\bPGSSL[A-Z]+\b|\bTZ\b/g,
    (name) => KEYS.get(nameOf(name)) ?? name,
  );
}
