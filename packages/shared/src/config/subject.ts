import type { z } from 'zod';

/** One environment variable: how it parses, and what docs/configuration.md says of it. */
export type Variable<T extends z.ZodType = z.ZodType> = {
  /**
   * Parses the variable's text, or `undefined` where it is not set. It must accept `undefined`: what is required only
   * together with something else is decided in `build`.
   */
  readonly schema: T;
  readonly description: string;
  /** How the default reads in the documentation, if not as the schema's own. */
  readonly defaultText?: string;
  /**
   * Never shown: not in a fault, a log line, a job or a page. Of a `url`, it is the password that is never shown; where a function
   * is given, the pieces that it returns.
   */
  readonly secret?: true | 'url' | ((text: string) => readonly string[]);
};

export type Variables = Readonly<Record<string, Variable>>;
export type Values<V extends Variables> = { readonly [K in keyof V]: z.output<V[K]['schema']> };

/** Says what is wrong with a variable; a variable that has a fault already keeps its first one. */
export type ReportFault = (variable: string, fault: string) => void;

/** One subject of the configuration: its variables, and how their values become what a process works with. */
export type Subject<V extends Variables = Variables, C = unknown> = {
  readonly title: string;
  readonly variables: V;
  readonly build: (values: Values<V>, report: ReportFault, warn: (warning: string) => void) => C;
};

export function defineSubject<const V extends Variables, C>(subject: Subject<V, C>): Subject<V, C> {
  return subject;
}
