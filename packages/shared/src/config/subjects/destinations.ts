import type { Destination } from '../../contract/destination.ts';
import { defineSubject } from '../subject.ts';
import { buildCopy, buildCopyPlace, copyPlaceVariables, copyVariables, type FolderConfig } from './copy.ts';
import { buildS3, buildS3Place, s3PlaceVariables, s3Variables, type S3Config } from './s3.ts';

/** A destination, and how it is reached. */
export type DestinationConfig = S3Config | FolderConfig;

/** Names of the destinations that one set of variables describes: at most one of each kind. */
export type DestinationNames = { readonly s3: string; readonly folder: string };

/** The destinations of the environment. The bucket has the name that its receipts had when it was the only kind. */
export const DESTINATION_NAMES = { s3: 's3', folder: 'copy' } as const satisfies DestinationNames;

const TITLE = 'Destinations';

/** The subject of the destinations that a set of variables describes, under names of one's own. */
export function destinationsNamed(names: DestinationNames) {
  return defineSubject({
    title: TITLE,
    variables: { ...s3Variables, ...copyVariables },
    build: (values, report): readonly DestinationConfig[] =>
      [buildS3(names.s3, values, report), buildCopy(names.folder, values, report)].filter((each) => each !== undefined),
  });
}

/** The same without what reaches them, for processes without an access key. */
export function placesNamed(names: DestinationNames) {
  return defineSubject({
    title: TITLE,
    variables: { ...s3PlaceVariables, ...copyPlaceVariables },
    build: (values, report): readonly Destination[] =>
      [buildS3Place(names.s3, values, report), buildCopyPlace(names.folder, values, report)].filter(
        (each) => each !== undefined,
      ),
  });
}

/** Where dumps are copied to; empty where backups stay local. */
export const destinations = destinationsNamed(DESTINATION_NAMES);
export const places = placesNamed(DESTINATION_NAMES);

export function isFolderConfig(config: DestinationConfig): config is FolderConfig {
  return 'folder' in config.destination;
}

export function isS3Config(config: DestinationConfig): config is S3Config {
  return !isFolderConfig(config);
}

/** The places of destinations. */
export function placesOf(configs: readonly DestinationConfig[]): readonly Destination[] {
  return configs.map(({ destination }) => destination);
}
