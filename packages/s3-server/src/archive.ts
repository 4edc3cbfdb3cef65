/** Objects in a storage class that cannot be read, as far as they were put since the server's start. */
export class Archive {
  readonly #paths = new Set<string>();

  /** Notes the storage class that a request gives an object. */
  note(method: string, path: string, storageClass: string | undefined): void {
    if (storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE') this.#paths.add(path);
    else if (method === 'PUT' || method === 'DELETE') this.#paths.delete(path);
  }

  holds(path: string): boolean {
    return this.#paths.has(path);
  }
}
