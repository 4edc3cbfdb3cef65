/**
 * A stretch of a file in the shape of the array that lib-storage cuts into parts: it asks an array for `byteLength` and `subarray`
 * and copies nothing, while of a stream it holds each part two to three times. A range holds no byte; see `sendFromFile`.
 */
export class FileRange extends Uint8Array {
  readonly start: number;
  /** Position of the first byte behind it. */
  readonly end: number;

  constructor(start: number, end: number) {
    super(0);
    this.start = start;
    this.end = end;
  }

  override get byteLength(): number {
    return this.end - this.start;
  }

  override subarray(begin = 0, end = this.byteLength): FileRange {
    return new FileRange(this.start + begin, Math.min(this.start + end, this.end));
  }
}
