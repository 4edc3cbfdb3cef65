import type { Socket } from 'node:net';
import { join } from 'node:path';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { NoScratchServerError } from './choose-scratch-programs.ts';
import { NoRoomError } from './scratch-disk.ts';

// What a verify worker and a scratch host say to each other: JSON, a line each. The worker asks once for each connection. A
// server lives as long as the connection that asked for it: whoever is killed has let go of it.

/** Where a host listens, in the folder that it shares with those who ask it. */
export function hostSocket(folder: string): string {
  return join(folder, 'host.sock');
}

const bytes = z.int().nonnegative();

/** The worker's: what there is, or a server. */
export const requestSchema = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('look') }),
  z.strictObject({ ask: z.literal('start'), major: z.int(), memoryBytes: bytes, diskBytes: bytes.optional() }),
]);
export type HostRequest = z.infer<typeof requestSchema>;

const faultSchema = z.strictObject({
  fault: z.strictObject({ name: z.string(), message: z.string(), hint: z.string().optional() }),
});

export const lookSchema = z.union([z.strictObject({ majors: z.array(z.int()), roomBytes: bytes }), faultSchema]);
export type HostLook = Exclude<z.infer<typeof lookSchema>, { fault: unknown }>;

/** First that the server runs, then, if ever, why it does no longer. */
export const startedSchema = z.union([
  z.strictObject({ version: z.string(), socketFolder: z.string(), isOffline: z.boolean() }),
  faultSchema,
]);

export type HostFault = z.infer<typeof faultSchema>;

export function faultOf(error: unknown): HostFault {
  const { name, message, hint } = error as Error & { readonly hint?: string };
  return { fault: { name, message, ...(hint === undefined ? {} : { hint }) } };
}

/** The error that the other side had. */
export function errorOf({ fault: { name, message, hint } }: HostFault): Error {
  if (name === 'NoRoomError') return new NoRoomError(message);
  const kinds = [NoScratchServerError, PermanentError] as const;
  const Kind = kinds.find((each) => each.name === name) ?? RetryableError;
  return new Kind(message, hint === undefined ? {} : { hint });
}

const LONGEST_LINE = 64 * 1024;

/** What the other side says, line by line, until it ends. @throws if that is no JSON, of another shape, or endless */
export async function* readMessages<S extends z.ZodType>(socket: Socket, schema: S): AsyncGenerator<z.infer<S>> {
  let rest = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new RetryableError('wanted a line, and it has no end');
    for (const line of lines) yield schema.parse(JSON.parse(line));
  }
}

/** Gives a connection up when that signal is aborted. Disposing takes that back. */
export function destroyOnAbort(socket: Socket, signal: AbortSignal): Disposable {
  const destroy = (): void => void socket.destroy();
  if (signal.aborted) destroy();
  signal.addEventListener('abort', destroy, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', destroy) };
}

export function say(socket: Socket, message: unknown): void {
  // The other side may be gone: its end of the connection tells.
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}
