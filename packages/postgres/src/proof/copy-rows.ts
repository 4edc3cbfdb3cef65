const NEWLINE = 10;
/** Bytes between the last row of a COPY, or the line of a COPY without rows, and the text after it. */
const END_OF_ROWS = Buffer.from('\n\\.\n');

/** Counts the rows of one COPY as they stream by. They are never copied: this runs on nearly every byte of every backup. */
export class CopyRows {
  readonly table: string;
  #count = 0;
  /** The last bytes of the chunk before, which may begin the end of the rows. An empty table's end begins with its COPY line's. */
  #border: Buffer = END_OF_ROWS.subarray(0, 1);

  constructor(table: string) {
    this.table = table;
  }

  get count(): number {
    return this.#count;
  }

  /** Reads rows up to their end. @returns where that is in the chunk; `undefined` if they go on in the next one */
  read(chunk: Buffer, from: number): number | undefined {
    const acrossChunks = Buffer.concat([this.#border, chunk.subarray(from, from + END_OF_ROWS.length - 1)]).indexOf(
      END_OF_ROWS,
    );
    // The row's own newline was counted with the chunk that it is in.
    if (acrossChunks !== -1) return from + acrossChunks + END_OF_ROWS.length - this.#border.length;
    const end = chunk.indexOf(END_OF_ROWS, from);
    this.#count += countNewlines(chunk, from, end === -1 ? chunk.length : end + 1);
    if (end !== -1) return end + END_OF_ROWS.length;
    this.#border = Buffer.concat([this.#border, chunk.subarray(Math.max(from, chunk.length - 3))]).subarray(-3);
    return undefined;
  }
}

function countNewlines(text: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf(NEWLINE, from); at !== -1 && at < to; at = text.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
