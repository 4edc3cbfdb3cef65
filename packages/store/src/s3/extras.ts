import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

/** Something that requests ask for and can do without where a store does not know it. Encryption is none. */
export type Extra = 'conditional' | 'checksum' | 'storage-class';

const FIELDS: Readonly<Record<Extra, readonly string[]>> = {
  conditional: ['IfNoneMatch'],
  checksum: ['ChecksumAlgorithm', 'ChecksumMode', 'ChecksumCRC32', 'ChecksumSHA256'],
  'storage-class': ['StorageClass'],
};

/** The extras that a command is about: lib-storage gives each of its commands the fields of all. */
const CARRIED: readonly (readonly [abstract new (...args: never[]) => unknown, readonly Extra[]])[] = [
  [PutObjectCommand, ['conditional', 'checksum', 'storage-class']],
  [CreateMultipartUploadCommand, ['checksum', 'storage-class']],
  [UploadPartCommand, ['checksum']],
  [CompleteMultipartUploadCommand, ['conditional']],
  [HeadObjectCommand, ['checksum']],
];

const NAMES: Readonly<Record<Extra, RegExp>> = {
  conditional: /if-none-match|conditional/i,
  checksum: /checksum/i,
  'storage-class': /storage.?class/i,
};

/** Which extras a command asks for. */
export function extrasOf(command: { readonly input: object }): readonly Extra[] {
  const carried = CARRIED.find(([kind]) => command instanceof kind)?.[1] ?? [];
  const input = command.input as Readonly<Record<string, unknown>>;
  return carried.filter((extra) => FIELDS[extra].some((field) => input[field] !== undefined));
}

/** Removes some extras from the input of a command. */
export function withoutExtras<T extends object>(input: T, extras: readonly Extra[]): T {
  const fields = extras.flatMap((extra) => FIELDS[extra]);
  return Object.fromEntries(Object.entries(input).filter(([field]) => !fields.includes(field))) as T;
}

/** Whether a store's refusal names an extra. */
export function isNamedBy(refusal: string, extra: Extra): boolean {
  return NAMES[extra].test(refusal);
}

/**
 * Plans which extras to leave out, trial by trial, after a refusal: as few as possible first and, among these, those that the
 * refusal names. Few stores name any.
 */
export function planTrials(extras: readonly Extra[], refusal: string): readonly (readonly Extra[])[] {
  const isNamed = (trial: readonly Extra[]): boolean => trial.every((extra) => isNamedBy(refusal, extra));
  const trials = extras.reduce<readonly (readonly Extra[])[]>(
    (sets, extra) => [...sets, ...sets.map((set) => [...set, extra])],
    [[]],
  );
  return trials
    .filter((trial) => trial.length > 0)
    .sort((a, b) => a.length - b.length || Number(isNamed(b)) - Number(isNamed(a)));
}
