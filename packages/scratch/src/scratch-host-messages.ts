import type { Socket } from 'node:net';
import { join } from 'node:path';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { NoScratchServerError } from './choose-scratch-programs.ts';
import { NoRoomError } from './scratch-disk.ts';

// Messages between a verify worker and a scratch host: JSON, a line each. A connection carries one request. A scratch server
// lives as long as the connection that requested it, so a killed worker leaves none behind.

/** Socket of a host, in the folder that it shares with verify workers. */
export function hostSocket(folder: string): string {
  return join(folder, 'host.sock');
}

const bytes = z.int().nonnegative();

/** Request of a worker: a look at the host, or a server. */
export const requestSchema = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('look') }),
  z.strictObject({
    ask: z.literal('start'),
    major: z.int(),
    memoryBytes: bytes,
    diskBytes: bytes.optional(),
    /** Version 0.1 sent none. */
    extensions: z.array(z.string()).readonly().optional(),
  }),
]);
export type HostRequest = z.infer<typeof requestSchema>;

const faultSchema = z.strictObject({
  fault: z.strictObject({ name: z.string(), message: z.string(), hint: z.string().optional() }),
});

export const lookSchema = z.union([
  z.strictObject({
    majors: z.array(z.int()),
    roomBytes: bytes,
    /** Extensions of each server, by its major version. Version 0.1 did not say. */
    extensions: z.record(z.string(), z.array(z.string())).optional(),
  }),
  faultSchema,
]);
export type HostLook = Exclude<z.infer<typeof lookSchema>, { fault: unknown }>;

/** Answers to a request for a server: first that it runs, later why it ended, if it did. */
export const startedSchema = z.union([
  z.strictObject({
    version: z.string(),
    socketFolder: z.string(),
    isOffline: z.boolean(),
    notes: z.array(z.string()).default([]),
  }),
  faultSchema,
]);

export type HostFault = z.infer<typeof faultSchema>;

export function faultOf(error: unknown): HostFault {
  const { name, message, hint } = error as Error & { readonly hint?: string };
  return { fault: { name, message, ...(hint === undefined ? {} : { hint }) } };
}

/** Rebuilds the error of the other side. */
export function errorOf({ fault: { name, message, hint } }: HostFault): Error {
  if (name === 'NoRoomError') return new NoRoomError(message);
  const kinds = [NoScratchServerError, PermanentError] as const;
  const Kind = kinds.find((each) => each.name === name) ?? RetryableError;
  return new Kind(message, hint === undefined ? {} : { hint });
}

const LONGEST_LINE = 64 * 1024;

/** Reads the messages of the other side until it ends. @throws if that is no JSON, of another shape, or endless */
export async function* readMessages<S extends z.ZodType>(socket: Socket, schema: S): AsyncGenerator<z.infer<S>> {
  let rest = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new RetryableError('wanted a line, and it has no end');
    for (const line of lines) yield schema.parse(JSON.parse(line));
  }
}

/** Destroys a connection when the signal aborts. Disposing stops that. */
export function destroyOnAbort(socket: Socket, signal: AbortSignal): Disposable {
  const destroy = (): void => void socket.destroy();
  if (signal.aborted) destroy();
  signal.addEventListener('abort', destroy, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', destroy) };
}

export function say(socket: Socket, message: unknown): void {
  // The other side may be gone; the end of its messages tells.
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}
