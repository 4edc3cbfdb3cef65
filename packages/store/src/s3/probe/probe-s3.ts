import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { S3Config } from '@pgstow/shared/config/s3.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { compareObject } from '../../object-comparison.ts';
import { describeLeftOut } from '../describe-left-out.ts';
import type { Extra } from '../extras.ts';
import { leaveOutUnknownExtras } from '../leave-out-unknown-extras.ts';
import { createS3Client } from '../s3-client.ts';
import { translateS3Error } from '../s3-error.ts';
import { s3PutParams } from '../s3-put-params.ts';
import { S3Store } from '../s3-store.ts';
import { isForbidden, readLifecycle, readVersioning, type Found } from './bucket-settings.ts';
import { describeConfirmation } from './describe-confirmation.ts';
import { describeStorageClass } from './describe-storage-class.ts';
import { digestText } from './digest-text.ts';
import { PROBE_NAME, type ProbeFinding } from './probe-finding.ts';
import { watchClock } from './watch-clock.ts';

const OPTIONS = { contentType: 'text/plain', metadata: { 'pgstow-doctor': 'trial' } } as const;
/** It is never completed: of what is given up, no store asks for parts of a certain size. */
const PART_BYTES = 64 * 1024;
/** For what is this small, silence means something sooner than for a dump. */
const PATIENCE_MS = 10_000;

/**
 * Tries all that uploads do, with the settings and the code that they do it with, on a small object of its own; it is
 * deleted again if the access key may do that. Ends after the first step without which the others cannot be tried.
 *
 * @throws the reason of the signal alone
 */
export async function* probeS3(
  { timeoutMs, ...settings }: S3Config,
  signal: AbortSignal,
): AsyncGenerator<ProbeFinding, void, undefined> {
  const config = { ...settings, timeoutMs: Math.min(timeoutMs, PATIENCE_MS) };
  const leftOut = new Map<Extra, string>();
  using store = new S3Store(config, (extra, sentence) => leftOut.set(extra, sentence));
  const client = leaveOutUnknownExtras(createS3Client(config), {
    // What is tried past the store is put over nothing.
    isOccupied: () => Promise.resolve(false),
    onLeaveOut: (extra, refusal) => leftOut.set(extra, describeLeftOut(extra, refusal, config.storageClass)),
  });
  using _ = { [Symbol.dispose]: () => client.destroy() };
  const probe = new S3Probe(config, store, client, leftOut, signal);

  const clock = watchClock(client);
  const put = await probe.put();
  yield { step: 'put', ...put };
  if (put.status === 'fault') {
    // A refusal has a date as well, and a wrong clock may be the reason.
    await readVersioning(client, config.place, signal);
    if (clock.skewMs !== undefined) yield { step: 'clock', skewMs: clock.skewMs };
    return;
  }
  const look = await probe.look();
  yield { step: 'look', ...look.found };
  yield { step: 'read', ...(await probe.read()) };
  if (look.confirm !== undefined) yield { step: 'confirm', ...look.confirm };
  yield { step: 'conditional', ...(await probe.putAgain()) };
  yield { step: 'list', ...(await probe.list()) };
  yield* probe.uploadParts();
  yield* describeStorageClass(config.storageClass, leftOut.get('storage-class'));
  for (const found of await readVersioning(client, config.place, signal)) yield { step: 'versioning', ...found };
  for (const found of await readLifecycle(client, config.place, signal)) yield { step: 'lifecycle', ...found };
  yield { step: 'delete', ...(await probe.remove()) };
  if (clock.skewMs !== undefined) yield { step: 'clock', skewMs: clock.skewMs };
}

class S3Probe {
  readonly #config: S3Config;
  readonly #store: S3Store;
  readonly #client: S3Client;
  /** What the store does not know, in a sentence each. */
  readonly #leftOut: ReadonlyMap<Extra, string>;
  readonly #signal: AbortSignal;
  readonly #key: string;
  readonly #text = `A trial of pgstow doctor; it may be deleted.\n${randomBytes(16).toString('hex')}\n`;

  constructor(
    config: S3Config,
    store: S3Store,
    client: S3Client,
    leftOut: ReadonlyMap<Extra, string>,
    signal: AbortSignal,
  ) {
    this.#config = config;
    this.#store = store;
    this.#client = client;
    this.#leftOut = leftOut;
    this.#signal = signal;
    this.#key = `${config.place.prefix}${PROBE_NAME}${randomBytes(6).toString('hex')}`;
  }

  put(): Promise<Found> {
    return this.#found(async () => {
      const outcome = await this.#store.putText(this.#key, this.#text, {
        mode: 'create',
        ...OPTIONS,
        signal: this.#signal,
      });
      const where = `s3://${this.#config.place.bucket}/${this.#config.place.prefix}`;
      if (outcome === 'stored') return { status: 'ok', message: `the store takes an object under ${where}` };
      return {
        status: 'fault',
        message: `the store says of a new key under ${where} that something lies there`,
        hint: 'Does this store honour If-None-Match as S3 does? Without that, no dump can be uploaded.',
      };
    });
  }

  async look(): Promise<{ readonly found: Found; readonly confirm: Found | undefined }> {
    let confirm: Found | undefined;
    const found = await this.#found(async () => {
      const object = await this.#store.look(this.#key, this.#signal);
      if (object === undefined) {
        return {
          status: 'fault',
          message: 'the store took an object and does not have it: no upload can be confirmed',
          hint: 'Check S3_ENDPOINT: what answers there does not keep what is put.',
        };
      }
      const comparison = compareObject(object, digestText(this.#text));
      confirm = describeConfirmation(comparison, this.#config, this.#leftOut.get('checksum'));
      return comparison.verdict === 'different'
        ? {
            status: 'fault',
            message: `the object that was just put differs: ${comparison.why}`,
            hint: 'Check S3_ENDPOINT: something on the way changes what is sent.',
          }
        : { status: 'ok', message: 'the store shows the object and its size' };
    });
    return { found, confirm };
  }

  read(): Promise<Found> {
    return this.#found(async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of this.#store.read(this.#key, this.#signal)) chunks.push(chunk);
      return Buffer.concat(chunks).toString() === this.#text
        ? { status: 'ok', message: 'the store gives the object back as it was put' }
        : {
            status: 'fault',
            message: 'the store gives the object back otherwise than it was put',
            hint: 'Check S3_ENDPOINT: something on the way changes what is sent.',
          };
    });
  }

  putAgain(): Promise<Found> {
    return this.#found(async () => {
      const again = { mode: 'create', ...OPTIONS, signal: this.#signal } as const;
      const outcome = await this.#store.putText(this.#key, this.#text, again);
      const unknown = this.#leftOut.get('conditional');
      if (outcome === 'occupied' && unknown === undefined)
        return { status: 'ok', message: 'the store refuses to put over what lies there (If-None-Match)' };
      return {
        status: 'warning',
        message: unknown ?? 'the store ignores If-None-Match: it lets an object be put over what lies there',
        hint: 'pgstow looks before it puts. Turn on versioning, and let no two sites share a prefix.',
      };
    });
  }

  list(): Promise<Found> {
    return this.#optional(async () => {
      for await (const { key } of this.#store.list(this.#key, this.#signal)) {
        if (key === this.#key) return { status: 'ok', message: 'the store lists the objects under the prefix' };
      }
      return {
        status: 'warning',
        message: 'the store does not list the object that was just put',
        hint: 'pgstow list and status may not see all backups there.',
      };
    });
  }

  /** Two parts that are given up again. */
  async *uploadParts(): AsyncGenerator<ProbeFinding> {
    const options = { abortSignal: this.#signal };
    const key = `${this.#key}-parts`;
    const params = s3PutParams(this.#config, key, { mode: 'replace', ...OPTIONS });
    let id: string | undefined;
    const sent = await this.#found(async () => {
      const begun = await this.#try('begin an upload in parts', () =>
        this.#client.send(new CreateMultipartUploadCommand(params), options),
      );
      id = begun.UploadId;
      const { Bucket, ...rest } = params;
      const algorithm = 'ChecksumAlgorithm' in rest ? { ChecksumAlgorithm: rest.ChecksumAlgorithm } : {};
      for (const PartNumber of [1, 2]) {
        const part = { Bucket, Key: key, UploadId: id, PartNumber, Body: randomBytes(PART_BYTES), ...algorithm };
        await this.#try('send a part', () => this.#client.send(new UploadPartCommand(part), options));
      }
      return { status: 'ok', message: 'the store takes an upload in parts, and drops it when told' };
    });
    if (sent.status === 'fault')
      yield { step: 'multipart', ...sent, message: `${sent.message}; larger dumps cannot be uploaded` };
    if (id === undefined) return;
    yield { step: 'open-uploads', ...(await this.#listUploads(key)) };
    const input = { Bucket: params.Bucket, Key: key, UploadId: id };
    const aborted = await this.#found(async () => {
      await this.#try('give up an upload in parts', () =>
        this.#client.send(new AbortMultipartUploadCommand(input), options),
      );
      return sent;
    });
    if (aborted !== sent) yield { step: 'multipart', ...aborted, status: 'warning' };
    else if (sent.status === 'ok') yield { step: 'multipart', ...sent };
  }

  async #listUploads(key: string): Promise<Found> {
    return this.#optional(async () => {
      const open = await this.#store.listOpenUploads(key, this.#signal);
      const hint =
        'Leftovers of interrupted uploads are billed until a lifecycle rule drops them (AbortIncompleteMultipartUpload).';
      if ('refused' in open) {
        const allow = `Allow this access key s3:ListBucketMultipartUploads in the bucket ${this.#config.place.bucket}.`;
        return {
          status: 'warning',
          message: `uploads that were left open cannot be found: ${open.refused}`,
          hint: `${allow} ${hint}`,
        };
      }
      return open.length > 0
        ? { status: 'ok', message: 'the store lists uploads that were left open' }
        : { status: 'warning', message: 'the store does not list an upload that is open', hint };
    });
  }

  async remove(): Promise<Found> {
    const input = { Bucket: this.#config.place.bucket, Key: this.#key };
    try {
      await this.#client.send(new DeleteObjectCommand(input), { abortSignal: this.#signal });
      return { status: 'ok', message: 'the object of this trial is deleted again' };
    } catch (error) {
      this.#signal.throwIfAborted();
      const why = isForbidden(error)
        ? 'this access key may not delete, which protects the backups'
        : describeError(error).split('\n')[0];
      return { status: 'ok', message: `one small object stays, ${this.#key}: ${why}` };
    }
  }

  async #try<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#translate(error, action);
    }
  }

  #translate(error: unknown, action: string): unknown {
    return translateS3Error(error, {
      action,
      bucket: this.#config.place.bucket,
      endpoint: this.#config.place.endpoint,
      region: this.#config.region,
      hasStaticKeys: this.#config.credentials !== undefined,
    });
  }

  /** A failure is a fault. */
  async #found(work: () => Promise<Found>): Promise<Found> {
    try {
      return await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      const { message, hint = this.#unreachable() } = error as { message: string; hint?: string };
      return { status: 'fault', message, hint };
    }
  }

  #unreachable(): string {
    const { endpoint } = this.#config.place;
    return `Check S3_ENDPOINT (${endpoint ?? 'not set: AWS'}), and whether this machine reaches it. Time may mend it as well.`;
  }

  /** What uploads can do without. */
  async #optional(work: () => Promise<Found>): Promise<Found> {
    const found = await this.#found(work);
    return found.status === 'fault' ? { ...found, status: 'warning' } : found;
  }
}
