/** What lies in a storage class that nothing can be read from, as far as it was put there since the server's start. */
export class Archive {
  readonly #paths = new Set<string>();

  /** Notes what a request does to the class of an object. */
  note(method: string, path: string, storageClass: string | undefined): void {
    if (storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE') this.#paths.add(path);
    else if (method === 'PUT' || method === 'DELETE') this.#paths.delete(path);
  }

  holds(path: string): boolean {
    return this.#paths.has(path);
  }
}
