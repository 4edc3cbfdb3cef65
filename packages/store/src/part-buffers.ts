/** Buffers that are kept from upload to upload, because new ones would pile up until they are collected. */
export class PartBuffers {
  readonly #free: Buffer[] = [];

  /** A buffer of that size, its content left over from before. */
  take(bytes: number): Buffer {
    const index = this.#free.findIndex((buffer) => buffer.length === bytes);
    const [kept] = index === -1 ? [] : this.#free.splice(index, 1);
    return kept ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Only for one that nobody reads any more: not after a failure, when a dying connection may still hold it. */
  giveBack(buffer: Buffer): void {
    // Dumps of other sizes have parts of other sizes: those of the last one are the likeliest to be wanted again.
    if (this.#free.some(({ length }) => length !== buffer.length)) this.#free.length = 0;
    this.#free.push(buffer);
  }
}
