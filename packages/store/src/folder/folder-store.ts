import { createHash } from 'node:crypto';
import { access, constants, lstat, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FolderConfig } from '@pgstow/shared/config/subjects/copy.ts';
import { objectUrl, type FolderDestination } from '@pgstow/shared/contract/destination.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { HiddenError } from '../hidden-error.ts';
import { MissingError } from '../missing-error.ts';
import type {
  DeleteOutcome,
  ListedObject,
  OpenUpload,
  PutFileOptions,
  PutOptions,
  PutOutcome,
  Store,
  StoredObject,
} from '../store.ts';
import { translateFolderError } from './folder-fault.ts';
import { assertMounted } from './folder-marker.ts';
import { readMetadata, removeMetadata, secondsOf } from './object-metadata.ts';
import { HIDDEN, isReachable, makeReachable, objectPath, parsePartial } from './object-path.ts';
import { Patience } from './patience.ts';
import { putObject, type Content } from './put-object.ts';
import { readHidden, walkObjects } from './walk-objects.ts';

const READ_BYTES = 256 * 1024;
/** Files that are looked at together in a listing. */
const AT_ONCE = 32;

/**
 * A folder on another disk or of another host. An object is a file under its key. What S3 keeps of an object by itself lies in a
 * hidden folder beside it, and so does what is not whole yet. Nothing is done while the marker file is missing.
 */
export class FolderStore implements Store, Disposable {
  readonly destination: FolderDestination;
  /** Its own is a SHA-256, which every digest has. */
  readonly checksum = undefined;
  readonly #patience: Patience;

  constructor({ destination, timeoutMs }: Pick<FolderConfig, 'destination' | 'timeoutMs'>) {
    this.destination = destination;
    this.#patience = new Patience(timeoutMs);
  }

  [Symbol.dispose](): void {
    // Each method closes what it has opened.
  }

  look(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    return this.#try(`look at ${this.#url(key)}`, signal, async () => {
      const path = await this.#find(key, signal);
      if (path === undefined) return undefined;
      const stats = await this.#patience.wait(() => lstat(path), signal);
      if (!stats.isFile())
        throw new PermanentError(`${path} is not a file`, { hint: 'It is not followed or replaced. Move it away.' });
      await this.#assertReadable(path, signal);
      const known = await this.#patience.wait(() => readMetadata(path), signal);
      const isSame = known?.bytes === stats.size && known.modifiedSeconds === secondsOf(stats);
      return {
        bytes: stats.size,
        etag: etagOf(stats),
        isEtagDigest: false,
        checksums: { crc32: undefined, sha256: isSame ? known.sha256 : undefined },
        metadata: known?.metadata ?? {},
        versionId: undefined,
      };
    });
  }

  putFile(key: string, file: FileHandle, options: PutFileOptions): Promise<PutOutcome> {
    const { digests, onProgress } = options;
    const { partBytes } = digests.parts;
    return this.#put(key, options, {
      bytes: digests.bytes,
      read: async (buffer, position) => {
        // What is digested is copied while it is in memory.
        await digests.part(Math.floor(position / partBytes) + 1);
        return (await file.read(buffer, 0, buffer.length, position)).bytesRead;
      },
      sha256: async () => (await digests.whole()).checksums.sha256,
      onProgress,
    });
  }

  putText(key: string, text: string | Buffer, options: PutOptions): Promise<PutOutcome> {
    const content = typeof text === 'string' ? Buffer.from(text) : text;
    return this.#put(key, options, {
      bytes: content.length,
      read: async (buffer, position) => content.copy(buffer, 0, position),
      sha256: async () => createHash('sha256').update(content).digest('base64'),
      onProgress: () => undefined,
    });
  }

  async *read(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const action = `read ${this.#url(key)}`;
    const file = await this.#try(action, signal, () => this.#open(key, signal));
    try {
      for (let position = 0; ;) {
        const at = position;
        const chunk = Buffer.allocUnsafeSlow(READ_BYTES);
        const { bytesRead } = await this.#try(action, signal, () =>
          this.#patience.wait(() => file.read(chunk, 0, READ_BYTES, at), signal),
        );
        if (bytesRead === 0) return;
        position += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    } finally {
      this.#close(file);
    }
  }

  async *list(prefix: string, signal: AbortSignal, after?: string): AsyncGenerator<ListedObject, void, undefined> {
    const action = `list ${this.#url(prefix)}`;
    const { folder } = this.destination;
    await this.#try(action, signal, () => this.#patience.wait(() => assertMounted(this.destination), signal));
    const walked = walkObjects(folder, prefix, this.#patience, signal);
    for (;;) {
      const { value, done } = await this.#try(action, signal, () => walked.next());
      if (done === true || value === undefined) return;
      const { path, keys } = value;
      const names = value.names.filter((name) => after === undefined || isBehind(keys + name, after));
      for (let first = 0; first < names.length; first += AT_ONCE) {
        const listed = await this.#try(action, signal, () =>
          Promise.all(names.slice(first, first + AT_ONCE).map((name) => this.#lookAt(join(path, name), keys + name))),
        );
        for (const object of listed) {
          signal.throwIfAborted();
          if (object !== undefined) yield object;
        }
      }
    }
  }

  delete(key: string, signal: AbortSignal): Promise<DeleteOutcome> {
    return this.#try(`delete ${this.#url(key)}`, signal, async () => {
      const path = await this.#find(key, signal);
      if (path === undefined) return 'deleted' as const;
      if (!(await this.#patience.wait(() => lstat(path), signal)).isFile())
        throw new PermanentError(`${path} is not a file`, { hint: 'It is left alone. Move it away.' });
      // The object first: what is known of it means nothing by itself.
      await this.#patience.wait(() => rm(path, { force: true }), signal);
      await this.#patience.wait(() => syncFolder(dirname(path)));
      await this.#patience.wait(() => removeMetadata(path));
      return 'deleted' as const;
    });
  }

  listOpenUploads(prefix: string, signal: AbortSignal): Promise<readonly OpenUpload[]> {
    return this.#try(`list open uploads in ${this.#url(prefix)}`, signal, async () => {
      await this.#patience.wait(() => assertMounted(this.destination), signal);
      const uploads: OpenUpload[] = [];
      for await (const { path, keys } of walkObjects(this.destination.folder, prefix, this.#patience, signal)) {
        for (const name of await readHidden(path, this.#patience, signal)) {
          const partial = parsePartial(name);
          if (partial === undefined || !`${keys}${partial.base}`.startsWith(prefix)) continue;
          const stats = await this.#patience.wait(() => lstat(join(path, HIDDEN, name)), signal).catch(ifMissing);
          if (stats !== undefined)
            uploads.push({ key: keys + partial.base, id: partial.id, startedAt: new Date(stats.mtimeMs) });
        }
      }
      return uploads;
    });
  }

  abortUpload({ key, id }: OpenUpload, signal: AbortSignal): Promise<void> {
    return this.#try(`drop an open upload of ${this.#url(key)}`, signal, async () => {
      const path = await this.#resolve(key, signal);
      const base = path.slice(dirname(path).length + 1);
      const partial = join(dirname(path), HIDDEN, `${base}.${id}.partial`);
      await this.#patience.wait(() => rm(partial, { force: true }), signal);
    });
  }

  #put(key: string, options: PutOptions, content: Content): Promise<PutOutcome> {
    const { signal } = options;
    return this.#try(`put ${this.#url(key)}`, signal, async () => {
      const path = objectPath(this.destination.folder, key);
      await this.#patience.wait(() => assertMounted(this.destination), signal);
      await this.#patience.wait(() => makeReachable(this.destination.folder, path), signal);
      return putObject(path, content, options, this.#patience);
    });
  }

  /** The path of a key, in a folder that is mounted. Whether anything lies there is open. */
  async #resolve(key: string, signal: AbortSignal): Promise<string> {
    const path = objectPath(this.destination.folder, key);
    await this.#patience.wait(() => assertMounted(this.destination), signal);
    return path;
  }

  /** The path of what lies under a key; `undefined` if nothing does. */
  async #find(key: string, signal: AbortSignal): Promise<string | undefined> {
    const path = await this.#resolve(key, signal);
    if (!(await this.#patience.wait(() => isReachable(this.destination.folder, path), signal))) return undefined;
    const stats = await this.#patience.wait(() => lstat(path), signal).catch(ifMissing);
    return stats === undefined ? undefined : path;
  }

  async #open(key: string, signal: AbortSignal): Promise<FileHandle> {
    const path = await this.#find(key, signal);
    if (path === undefined) throw new MissingError(`there is no file ${objectPath(this.destination.folder, key)}`);
    // A pipe without a writer would be waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await this.#patience
      .wait(() => open(path, flags), signal)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ELOOP') throw error;
        throw new PermanentError(`${path} is a symbolic link, and is not followed`);
      });
    if ((await this.#patience.wait(() => file.stat(), signal)).isFile()) return file;
    this.#close(file);
    throw new PermanentError(`${path} is not a file`);
  }

  async #assertReadable(path: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#patience.wait(() => access(path, constants.R_OK), signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      const { message, hint } = translateFolderError(error, `read ${path}`, this.destination) as PermanentError;
      throw new HiddenError(message, { hint, cause: error });
    }
  }

  async #lookAt(path: string, key: string): Promise<ListedObject | undefined> {
    const stats = await this.#patience.wait(() => lstat(path)).catch(ifMissing);
    return stats?.isFile() === true ? { key, bytes: stats.size, etag: etagOf(stats) } : undefined;
  }

  /** Closing waits for a call that has had no answer, so nothing waits for it. */
  #close(file: FileHandle): void {
    file.close().catch(() => undefined);
  }

  async #try<T>(action: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw signal.aborted ? signal.reason : translateFolderError(error, action, this.destination);
    }
  }

  #url(key: string): string {
    return objectUrl(this.destination, key);
  }
}

/** Changes with whatever is written to a file by the usual ways. */
function etagOf(stats: { readonly mtimeMs: number; readonly size: number }): string {
  return `${secondsOf(stats)}-${stats.size}`;
}

function isBehind(key: string, after: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
