import { LOCAL } from '../../contract/restore-test.ts';
import { readSubjects, type AnySubject } from '../read-config.ts';
import { destinationsNamed, placesNamed, type DestinationNames } from '../subjects/destinations.ts';
import type { Environment } from './environment.ts';
import { nameOf, overlay } from './overlay.ts';
import type { ReportAt } from './parse-targets.ts';
import type { Settings } from './setting.ts';
import { bucketSettings, folderSettings } from './settings.ts';
import type { TargetsDocument } from './targets-schema.ts';
import type { YamlPositions } from './yaml-positions.ts';

/** The subjects of destinations, by their name in a process's configuration: with what reaches them, or without. */
const SUBJECTS: Readonly<Record<string, (names: DestinationNames) => AnySubject>> = {
  destinations: destinationsNamed,
  places: placesNamed,
};

/** Names under which a configuration may hold destinations. */
export const DESTINATION_KEYS = Object.keys(SUBJECTS);

type Placed = { readonly prefix: string } | { readonly destination: { readonly prefix: string } };

export type DestinationsReading = {
  /** The destinations of a server, in the order in which it names them. */
  readonly choose: (key: string, names: readonly string[]) => readonly Placed[];
  readonly secrets: readonly string[];
};

type ReadOptions = {
  readonly env: Environment;
  /** The names under which the configuration holds destinations. */
  readonly keys: readonly string[];
  readonly positions: YamlPositions;
  readonly report: ReportAt;
};

/** Builds each destination of the file once, by the subjects of the environment. Keys of an account hold from there. */
export function readDestinations(
  { destinations = {} }: TargetsDocument,
  { env, keys, positions, report }: ReadOptions,
): DestinationsReading {
  const built = new Map<string, readonly Placed[]>();
  const secrets: string[] = [];
  for (const [name, values] of Object.entries(destinations)) {
    const path = ['destinations', name];
    const fault = (text: string, at: readonly PropertyKey[] = path) => report(positions.of(at), `${name}: ${text}`);
    if (name === LOCAL) fault(`${LOCAL} is the backup folder itself`);
    const isBucket = values['bucket'] !== undefined;
    const settings: Settings = isBucket ? bucketSettings : folderSettings;
    const keyOf = new Map(Object.entries(settings).map(([key, { variable }]) => [nameOf(variable), key]));
    const others = Object.keys(values).filter((key) => !Object.keys(settings).some((its) => its.split('.')[0] === key));
    if (isBucket === (values['folder'] !== undefined)) fault('give either bucket or folder');
    else for (const key of others) fault(`${key} is of a ${isBucket ? 'folder' : 'bucket'}`, [...path, key]);
    for (const key of keys) {
      const subject = SUBJECTS[key]?.({ s3: name, folder: name });
      if (subject === undefined) continue;
      const { env: own, origins, unset } = overlay(withoutPlaces(env), settings, [{ values, path }]);
      const reading = readSubjects(own, { subject });
      secrets.push(...reading.secrets);
      const faults = new Map(reading.faults);
      for (const [variable, reference] of unset)
        if (variable in subject.variables)
          faults.set(variable, `names the environment variable ${reference}, which is not set`);
      for (const [variable, text] of faults)
        fault(`${keyOf.get(variable) ?? variable}: ${text}`, origins.get(variable));
      built.set(`${key}:${name}`, reading.config.subject as readonly Placed[]);
    }
  }
  return { choose: (key, names) => names.flatMap((name) => built.get(`${key}:${name}`) ?? []), secrets };
}

/** Reports names of destinations that the file does not have. */
export function checkDestinationNames(
  { defaults, servers, destinations = {} }: TargetsDocument,
  positions: YamlPositions,
  report: ReportAt,
): void {
  const known = Object.keys(destinations);
  const lists = [
    { names: defaults?.destinations, path: ['defaults', 'destinations'] },
    ...servers.map((server, index) => ({ names: server.destinations, path: ['servers', index, 'destinations'] })),
  ];
  for (const { names = [], path } of lists)
    for (const [index, name] of names.entries()) {
      const fault = !known.includes(name)
        ? `there is no destination ${name} in this file, only ${known.join(', ') || 'none'}`
        : names.indexOf(name) < index
          ? `${name} is named twice`
          : undefined;
      if (fault !== undefined) report(positions.of([...path, index]), fault);
    }
}

/** The environment without the places that it names; an account of it may reach others. */
function withoutPlaces(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(?:S3|COPY|AWS_ENDPOINT|PGSTOW_COPY)_/.test(name)),
  );
}
