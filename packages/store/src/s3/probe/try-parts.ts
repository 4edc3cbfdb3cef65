import { randomBytes } from 'node:crypto';
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { s3PutParams } from '../s3-put-params.ts';
import { tryS3 } from '../translate-s3-error.ts';
import type { Found, ProbeFinding } from './probe-finding.ts';
import { need, TRIAL_OPTIONS, tryWithout, type Trial } from './trial.ts';

/** The upload is never completed: a store that drops it asks for no least size of its parts. */
const PART_BYTES = 64 * 1024;

/** Uploads two parts and gives them up again. */
export async function* tryParts(trial: Trial): AsyncGenerator<ProbeFinding> {
  const { config, client, signal } = trial;
  const options = { abortSignal: signal };
  const Key = `${trial.key}-parts`;
  const params = s3PutParams(config, Key, { mode: 'replace', ...TRIAL_OPTIONS });
  const { Bucket, ChecksumAlgorithm } = params;
  let UploadId: string | undefined;
  const sent = await need(trial, async () => {
    ({ UploadId } = await tryS3({ config, action: 'begin an upload in parts' }, signal, () =>
      client.send(new CreateMultipartUploadCommand(params), options),
    ));
    for (const PartNumber of [1, 2]) {
      const part = { Bucket, Key, UploadId, PartNumber, ChecksumAlgorithm, Body: randomBytes(PART_BYTES) };
      await tryS3({ config, action: 'send a part' }, signal, () => client.send(new UploadPartCommand(part), options));
    }
    return { status: 'ok', message: 'the store takes an upload in parts, and drops it when told' };
  });
  if (sent.status === 'fault')
    yield { step: 'multipart', ...sent, message: `${sent.message}; larger dumps cannot be uploaded` };
  if (UploadId === undefined) return;
  yield { step: 'open-uploads', ...(await tryListUploads(trial, Key)) };
  const aborted = await need(trial, async () => {
    await tryS3({ config, action: 'give up an upload in parts' }, signal, () =>
      client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), options),
    );
    return sent;
  });
  if (aborted !== sent) yield { step: 'multipart', ...aborted, status: 'warning' };
  else if (sent.status === 'ok') yield { step: 'multipart', ...sent };
}

function tryListUploads(trial: Trial, key: string): Promise<Found> {
  return tryWithout(trial, async () => {
    const open = await trial.store.listOpenUploads(key, trial.signal);
    const hint =
      'Leftovers of interrupted uploads are billed until a lifecycle rule drops them (AbortIncompleteMultipartUpload).';
    if ('refused' in open) {
      const allow = `Allow this access key s3:ListBucketMultipartUploads in the bucket ${trial.config.destination.bucket}.`;
      const message = `uploads that were left open cannot be found: ${open.refused}`;
      return { status: 'warning', message, hint: `${allow} ${hint}` };
    }
    return open.length > 0
      ? { status: 'ok', message: 'the store lists uploads that were left open' }
      : { status: 'warning', message: 'the store does not list an upload that is open', hint };
  });
}
