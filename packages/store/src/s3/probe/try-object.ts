import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { readFault } from '@pgstow/shared/runtime/errors.ts';
import { digestText } from '../../digest-text.ts';
import { compareObject } from '../../object-comparison.ts';
import { isForbidden } from '../s3-refusal.ts';
import { describeConfirmation } from './describe-confirmation.ts';
import type { Found } from './probe-finding.ts';
import { need, TRIAL_OPTIONS, tryWithout, type Trial } from './trial.ts';

// The steps of a trial that concern one object, in their order.

const CHANGED_ON_THE_WAY = 'Check S3_ENDPOINT: something on the way changes what is sent.';

export function tryPut(trial: Trial): Promise<Found> {
  const { bucket, prefix } = trial.config.destination;
  const where = `s3://${bucket}/${prefix}`;
  return need(trial, async () => {
    if ((await putOnce(trial)) === 'stored')
      return { status: 'ok', message: `the store takes an object under ${where}` };
    return {
      status: 'fault',
      message: `the store says of a new key under ${where} that something lies there`,
      hint: 'Does this store honour If-None-Match as S3 does? Without that, no dump can be uploaded.',
    };
  });
}

export async function tryLook(trial: Trial): Promise<{ readonly found: Found; readonly confirm: Found | undefined }> {
  let confirm: Found | undefined;
  const found = await need(trial, async () => {
    const object = await trial.store.look(trial.key, trial.signal);
    if (object === undefined) {
      return {
        status: 'fault',
        message: 'the store took an object and does not have it: no upload can be confirmed',
        hint: 'Check S3_ENDPOINT: what answers there does not keep what is put.',
      };
    }
    const comparison = compareObject(object, digestText(Buffer.from(trial.text)));
    confirm = describeConfirmation(comparison, trial.config, trial.leftOut.get('checksum'));
    if (comparison.verdict !== 'different') return { status: 'ok', message: 'the store shows the object and its size' };
    const message = `the object that was just put differs: ${comparison.why}`;
    return { status: 'fault', message, hint: CHANGED_ON_THE_WAY };
  });
  return { found, confirm };
}

export function tryRead(trial: Trial): Promise<Found> {
  return need(trial, async () => {
    const chunks = await Array.fromAsync(trial.store.read(trial.key, trial.signal));
    if (Buffer.concat(chunks).toString() === trial.text)
      return { status: 'ok', message: 'the store gives the object back as it was put' };
    const message = 'the store gives the object back otherwise than it was put';
    return { status: 'fault', message, hint: CHANGED_ON_THE_WAY };
  });
}

export function tryPutAgain(trial: Trial): Promise<Found> {
  return need(trial, async () => {
    const outcome = await putOnce(trial);
    const unknown = trial.leftOut.get('conditional');
    if (outcome === 'occupied' && unknown === undefined)
      return { status: 'ok', message: 'the store refuses to put over what lies there (If-None-Match)' };
    return {
      status: 'warning',
      message: unknown ?? 'the store ignores If-None-Match: it lets an object be put over what lies there',
      hint: 'pgstow looks before it puts. Turn on versioning, and let no two sites share a prefix.',
    };
  });
}

export function tryList(trial: Trial): Promise<Found> {
  return tryWithout(trial, async () => {
    for await (const { key } of trial.store.list(trial.key, trial.signal)) {
      if (key === trial.key) return { status: 'ok', message: 'the store lists the objects under the prefix' };
    }
    return {
      status: 'warning',
      message: 'the store does not list the object that was just put',
      hint: 'pgstow list and status may not see all backups there.',
    };
  });
}

export async function tryRemove({ config, client, key, signal }: Trial): Promise<Found> {
  try {
    await client.send(new DeleteObjectCommand({ Bucket: config.destination.bucket, Key: key }), {
      abortSignal: signal,
    });
    return { status: 'ok', message: 'the object of this trial is deleted again' };
  } catch (error) {
    signal.throwIfAborted();
    if (isForbidden(error) && config.keep !== undefined) {
      return {
        status: 'warning',
        message: `S3_KEEP_* says that old copies go, and this access key may not delete; one small object stays, ${key}`,
        hint: 'Allow it s3:DeleteObject in the bucket, or remove S3_KEEP_*.',
      };
    }
    const why = isForbidden(error)
      ? 'this access key may not delete, which protects the backups'
      : readFault(error).reason;
    return { status: 'ok', message: `one small object stays, ${key}: ${why}` };
  }
}

function putOnce({ store, key, text, signal }: Trial): ReturnType<Trial['store']['putText']> {
  return store.putText(key, text, { mode: 'create', ...TRIAL_OPTIONS, signal });
}
