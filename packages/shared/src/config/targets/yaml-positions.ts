import { isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from 'yaml';

/** Keys and indexes that lead to a value. */
export type Path = readonly PropertyKey[];

/** Where things stand in a YAML text, for people: `12:5` is the fifth character of line 12. */
export class YamlPositions {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** The position of a value or, where there is none, of the nearest thing that would hold it. */
  of(path: Path): string {
    let node: unknown = this.#document.contents;
    let offset = offsetOf(node) ?? 0;
    for (const step of path) {
      const next = childOf(node, step);
      if (next === undefined) break;
      offset = offsetOf(next) ?? offset;
      node = next;
    }
    return this.at(offset);
  }

  /** The position of a key of the value at a path. */
  ofKey(path: Path, key: string): string {
    let node: unknown = this.#document.contents;
    for (const step of path) node = childOf(node, step);
    const pair = isMap(node) ? node.items.find((each) => isScalar(each.key) && each.key.value === key) : undefined;
    const offset = pair && offsetOf(pair.key);
    return offset === undefined ? this.of(path) : this.at(offset);
  }

  at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${line}:${col}`;
  }
}

function childOf(node: unknown, step: PropertyKey): unknown {
  if (isMap(node)) return node.items.find(({ key }) => isScalar(key) && key.value === step)?.value ?? undefined;
  return isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
