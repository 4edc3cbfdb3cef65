import { ConfigError } from '@pgstow/shared/config/read-config.ts';
import { readKeptTargets } from '@pgstow/shared/runtime/redis/targets-copy.ts';
import { connect } from '../connect.ts';
import { readSettings } from '../read-settings.ts';
import { readTargetsFile } from './read-targets-file.ts';

/** The text by which the processes work. */
export type TargetsInForce = {
  /** `undefined`: as the file lies on the disk. */
  readonly text: string | undefined;
  /** Why the file itself has not taken effect; `undefined`: it has. */
  readonly fault: string | undefined;
};

/** No server at all, where nothing else is known. */
const NONE = 'servers: []';

/** Reads which text of TARGETS_FILE the processes work by: while it has a fault, the one that Redis has kept. */
export async function readTargetsInForce(signal: AbortSignal): Promise<TargetsInForce> {
  try {
    readTargetsFile({});
    return { text: undefined, fault: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fault = `TARGETS_FILE has not taken effect, and what it said before goes on: ${error.faults.join('; ')}`;
    return { text: await readKept(signal), fault };
  }
}

async function readKept(signal: AbortSignal): Promise<string> {
  const { redis } = readSettings('redis');
  try {
    await using connection = await connect(redis.url, signal);
    return (await readKeptTargets(connection, redis.site)) ?? NONE;
  } catch {
    signal.throwIfAborted();
    return NONE;
  }
}
