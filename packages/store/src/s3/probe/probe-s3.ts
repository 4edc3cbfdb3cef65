import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { describeLeftOut } from '../describe-left-out.ts';
import type { Extra } from '../extras.ts';
import { leaveOutUnknownExtras } from '../leave-out-unknown-extras.ts';
import { createS3Client } from '../s3-client.ts';
import { S3Store } from '../s3-store.ts';
import { readLifecycle, readVersioning } from './bucket-settings.ts';
import { describeStorageClass } from './describe-storage-class.ts';
import type { ProbeFinding } from './probe-finding.ts';
import { createTrial } from './trial.ts';
import { tryList, tryLook, tryPut, tryPutAgain, tryRead, tryRemove } from './try-object.ts';
import { tryParts } from './try-parts.ts';
import { watchClock } from './watch-clock.ts';

/** A trial's requests are small: silence means a fault sooner than for a dump. */
const PATIENCE_MS = 10_000;

/**
 * Tries all that uploads do, with their settings and code, on a small object of its own. Deletes the object again if the access
 * key may do that. Ends after the first step without which the others cannot be tried.
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
    // These requests put nothing over anything.
    isOccupied: () => Promise.resolve(false),
    onLeaveOut: (extra, refusal) => leftOut.set(extra, describeLeftOut(extra, refusal, config.storageClass)),
  });
  using _ = { [Symbol.dispose]: () => client.destroy() };
  const trial = createTrial({ config, store, client, leftOut, signal });

  const clock = watchClock(client);
  const put = await tryPut(trial);
  yield { step: 'put', ...put };
  if (put.status === 'fault') {
    // A refusal has a date as well, and a wrong clock may be the reason.
    await readVersioning(client, config, signal);
    if (clock.skewMs !== undefined) yield { step: 'clock', skewMs: clock.skewMs };
    return;
  }
  const look = await tryLook(trial);
  yield { step: 'look', ...look.found };
  yield { step: 'read', ...(await tryRead(trial)) };
  if (look.confirm !== undefined) yield { step: 'confirm', ...look.confirm };
  yield { step: 'conditional', ...(await tryPutAgain(trial)) };
  yield { step: 'list', ...(await tryList(trial)) };
  yield* tryParts(trial);
  yield* describeStorageClass(config.storageClass, leftOut.get('storage-class'));
  for (const found of await readVersioning(client, config, signal)) yield { step: 'versioning', ...found };
  for (const found of await readLifecycle(client, config.destination, signal)) yield { step: 'lifecycle', ...found };
  yield { step: 'delete', ...(await tryRemove(trial)) };
  if (clock.skewMs !== undefined) yield { step: 'clock', skewMs: clock.skewMs };
}
