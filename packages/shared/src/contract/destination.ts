/** A place that dumps are copied to. If any of it changes, older receipts no longer confirm anything. */
export type Destination = S3Destination | FolderDestination;

/** A bucket and a prefix. */
export type S3Destination = {
  readonly name: string;
  /** `undefined` for AWS itself. */
  readonly endpoint?: string | undefined;
  readonly bucket: string;
  /** Stands before every key as it is; empty for none. */
  readonly prefix: string;
};

/** A folder on another disk or of another host, as this host has it mounted. */
export type FolderDestination = {
  readonly name: string;
  /** Absolute path, where the marker file lies. */
  readonly folder: string;
  /** As of a bucket: `server/` is a folder in it. */
  readonly prefix: string;
};

/** Writes the address of an object for people: `s3://bucket/key`, or a file's path. */
export function objectUrl(destination: Destination, key: string): string {
  return 'folder' in destination ? `${destination.folder}/${key}` : `s3://${destination.bucket}/${key}`;
}

/** The setting that moves a destination's objects elsewhere. */
export function placeSettingOf(destination: Destination): string {
  return 'folder' in destination ? 'COPY_DIR' : 'S3_PREFIX';
}

/** The part of a receipt that says where exactly its object lies. */
export function placeOf(
  destination: Destination,
): Pick<S3Destination, 'endpoint' | 'bucket'> | Pick<FolderDestination, 'folder'> {
  if ('folder' in destination) return { folder: destination.folder };
  return { endpoint: destination.endpoint, bucket: destination.bucket };
}

/** Names destinations in a sentence. */
export function nameAll(destinations: readonly Pick<Destination, 'name'>[]): string {
  const names = destinations.map(({ name }) => name);
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
