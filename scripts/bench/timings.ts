import { formatTable } from './format-table.ts';
import { median } from './measure.ts';

/** Seconds of things that are measured in turn, so that other load on the machine falls on all of them. */
export class Timings {
  readonly #seconds = new Map<string, number[]>();

  add(name: string, seconds: number): void {
    this.#seconds.set(name, [...(this.#seconds.get(name) ?? []), seconds]);
  }

  median(name: string): number {
    return median(this.#seconds.get(name) ?? []);
  }

  /** @returns how many times as long as the base a thing takes; not a number if one of them was not measured */
  ratio(name: string, base: string): number {
    return this.median(name) / this.median(base);
  }

  /** @param base name of what the others are compared with */
  table(base: string): string {
    const rows = [...this.#seconds].map(([name, seconds]) => [
      name,
      this.median(name).toFixed(2),
      `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)}`,
      this.ratio(name, base).toFixed(2),
    ]);
    return formatTable([['', 'seconds', 'from … to', `× ${base}`], ...rows]);
  }
}
