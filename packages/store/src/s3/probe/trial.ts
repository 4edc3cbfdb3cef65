import { randomBytes } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { Extra } from '../extras.ts';
import type { S3Store } from '../s3-store.ts';
import type { Found } from './probe-finding.ts';

/** Keys that begin so, after the prefix, are a trial's. They are never taken for a dump's. */
export const TRIAL_NAME = 'pgstow-doctor-';
export const TRIAL_OPTIONS = { contentType: 'text/plain', metadata: { 'pgstow-doctor': 'trial' } } as const;

/** The means of each step of one trial. */
export type Trial = {
  readonly config: S3Config;
  readonly store: S3Store;
  /** Client for requests that uploads do not make. */
  readonly client: S3Client;
  /** Things that the store does not know, in a sentence each. */
  readonly leftOut: ReadonlyMap<Extra, string>;
  readonly key: string;
  readonly text: string;
  readonly signal: AbortSignal;
};

export function createTrial(base: Omit<Trial, 'key' | 'text'>): Trial {
  return {
    ...base,
    key: `${base.config.destination.prefix}${TRIAL_NAME}${randomBytes(6).toString('hex')}`,
    text: `A trial of pgstow doctor; it may be deleted.\n${randomBytes(16).toString('hex')}\n`,
  };
}

/** Does a step without which there is no upload: its failure is a fault. */
export async function need({ config, signal }: Trial, work: () => Promise<Found>): Promise<Found> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    const unreachable = `Check S3_ENDPOINT (${config.destination.endpoint ?? 'not set: AWS'}), and whether this machine reaches it. Time may mend it as well.`;
    const { message, hint = unreachable } = error as { message: string; hint?: string };
    return { status: 'fault', message, hint };
  }
}

/** Does a step that uploads can do without: its failure is a warning. */
export async function tryWithout(trial: Trial, work: () => Promise<Found>): Promise<Found> {
  const found = await need(trial, work);
  return found.status === 'fault' ? { ...found, status: 'warning' } : found;
}
