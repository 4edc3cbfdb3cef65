import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { extrasOf, isNamedBy, planTrials, withoutExtras, type Extra } from './extras.ts';
import { OccupiedError } from './occupied-error.ts';
import { readS3Error } from './read-s3-error.ts';
import { isUnknownToStore } from './s3-refusal.ts';

export type KnownExtrasOptions = {
  /** Asked right before a put without its condition: the store would no longer refuse to put over an object. */
  readonly isOccupied: (key: string, signal: AbortSignal) => Promise<boolean>;
  /** Called once for each extra that is left out from then on, with the store's refusal. */
  readonly onLeaveOut: (extra: Extra, refusal: string) => void;
};

type SendOptions = { readonly abortSignal: AbortSignal };
type Command = { input: { readonly Key?: string } };

/**
 * Makes a client that finds out which extras a store does not know, and leaves these out from then on. A refusal is hardly more
 * than a status, so a refused request is tried again with fewer extras: the trial that succeeds shows which are unknown.
 */
export function leaveOutUnknownExtras(client: S3Client, { isOccupied, onLeaveOut }: KnownExtrasOptions): S3Client {
  const leftOut = new Set<Extra>();

  const sendWithout = async (command: Command, extras: readonly Extra[], options: SendOptions): Promise<unknown> => {
    const { Key = '' } = command.input;
    if (
      command instanceof PutObjectCommand &&
      extras.includes('conditional') &&
      (await isOccupied(Key, options.abortSignal))
    )
      throw new OccupiedError(`${Key} lies there already`);
    // A copy of the command keeps what was added to its middleware.
    const reduced = Object.assign(Object.create(command) as object, { input: withoutExtras(command.input, extras) });
    return client.send(reduced as never, options);
  };

  const findOut = async (command: Command, refused: unknown, options: SendOptions): Promise<unknown> => {
    const wanted = extrasOf(command);
    const known = wanted.filter((extra) => leftOut.has(extra));
    const unproven = wanted.filter((extra) => !leftOut.has(extra));
    const first = readS3Error(refused).text;
    const said = [first];
    let last = refused;
    for (const trial of planTrials(unproven, first)) {
      try {
        const answer = await sendWithout(command, [...known, ...trial], options);
        for (const extra of trial) {
          if (!leftOut.has(extra)) onLeaveOut(extra, said.find((refusal) => isNamedBy(refusal, extra)) ?? first);
          leftOut.add(extra);
        }
        return answer;
      } catch (error) {
        if (!isUnknownToStore(error)) throw error;
        said.push(readS3Error(error).text);
        last = error;
      }
    }
    // Refused without any extra: the last refusal is the reason.
    throw last;
  };

  const send = async (command: Command, options: SendOptions): Promise<unknown> => {
    try {
      return await sendWithout(
        command,
        extrasOf(command).filter((extra) => leftOut.has(extra)),
        options,
      );
    } catch (error) {
      if (isUnknownToStore(error)) return findOut(command, error, options);
      throw error;
    }
  };
  return Object.assign(Object.create(client) as S3Client, { send });
}
