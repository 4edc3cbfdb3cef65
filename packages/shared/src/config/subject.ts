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
   * Shown in no fault, log line, job or page. Of a `url`, the password is secret; where a function is given, the pieces that it
   * returns.
   */
  readonly secret?: true | 'url' | ((text: string) => readonly string[]);
};

export type Variables = Readonly<Record<string, Variable>>;
export type Values<V extends Variables> = { readonly [K in keyof V]: z.output<V[K]['schema']> };

/** Reports a fault of a variable. Only the first one of each variable is kept. */
export type ReportFault = (variable: string, fault: string) => void;

/** One subject of the configuration: its variables, and how their values become what a process works with. */
export type Subject<V extends Variables = Variables, C = unknown> = {
  readonly title: string;
  readonly variables: V;
  readonly build: (values: Values<V>, report: ReportFault, warn: (warning: string) => void) => C;
};

/** The configuration that a subject's values become. */
export type Built<S extends { readonly build: (...input: never) => unknown }> = Readonly<ReturnType<S['build']>>;

export function defineSubject<const V extends Variables, C>(subject: Subject<V, C>): Subject<V, C> {
  return subject;
}
