/** One part of docs/benchmarks.md. */
export type Section = {
  readonly title: string;
  /** Paragraphs and tables, as Markdown. */
  readonly blocks: readonly string[];
  /** Ratios for `--check`, by names that do not change. The smaller, the better. */
  readonly ratios: Readonly<Record<string, number>>;
};
