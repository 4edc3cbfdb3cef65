import { z } from 'zod';
import type { Variable } from '../subject.ts';
import { subjects } from '../subjects.ts';
import type { Environment } from './environment.ts';

/** A key of TARGETS_FILE: the shape of its value there, and the environment variable that it stands for. */
export type Setting = {
  readonly variable: string;
  readonly schema: z.ZodType;
  /** The variable's text for a value of that shape. */
  readonly format: (value: never, env: Environment) => string | undefined;
};

/** Settings by key; a key within a key as `keep.daily`. */
export type Settings = Readonly<Record<string, Setting>>;

/** Takes text. A number or a date would come out of YAML otherwise than it stands there. */
const words = z.string('expected text; put it in quotes').min(1, 'is empty');

export function text(variable: string): Setting {
  return { variable, schema: described(words, variable), format: (value: string) => value };
}

export function wholeNumber(variable: string): Setting {
  const schema = described(z.int('expected a whole number').nonnegative('expected a whole number'), variable);
  return { variable, schema, format: (value: number) => String(value) };
}

export function yesOrNo(variable: string): Setting {
  const schema = described(z.boolean('expected true or false'), variable);
  return { variable, schema, format: (value: boolean) => String(value) };
}

/** One name, or several as a list; each stands for itself alone, whatever is in it. */
export function names(variable: string): Setting {
  const schema = described(z.union([words, z.array(words).min(1, 'is empty')], 'expected a name, or a list'), variable);
  // A name that stands in double quotes already is written as for the variable.
  const quote = (name: string): string =>
    /[,"]|^\s|\s$/.test(name) && !/^".*"$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
  return { variable, schema, format: (value: string | string[]) => [value].flat().map(quote).join(',') };
}

/** Options of a command line: one text, or each option by itself. */
export function options(variable: string): Setting {
  const schema = described(z.union([words, z.array(words)], 'expected text, or a list of options'), variable);
  const quote = (option: string): string =>
    /^[\w=./:@%+-]+$/.test(option) ? option : `'${option.replaceAll("'", String.raw`'\''`)}'`;
  return {
    variable,
    schema,
    format: (value: string | string[]) => (typeof value === 'string' ? value : value.map(quote).join(' ')),
  };
}

/** The path of a file that holds the value. */
export function file(variable: string): Setting {
  const schema = words.describe(`Path of a file with: ${descriptionOf(variable)}`);
  return { variable: `${variable}_FILE`, schema, format: (value: string) => value };
}

/** The name of an environment variable that holds the value. */
export function variable(name: string): Setting {
  const schema = words.describe(`Name of the environment variable with: ${descriptionOf(name)}`);
  return { variable: name, schema, format: (value: string, env) => (env[value] === '' ? undefined : env[value]) };
}

function described<T extends z.ZodType>(schema: T, variable: string): T {
  return schema.describe(descriptionOf(variable));
}

const known: Readonly<Record<string, Variable>> = Object.assign(
  {},
  ...Object.values(subjects).map(({ variables }) => variables),
);

/** What docs/configuration.md says of a variable. @throws Error if no subject has it */
function descriptionOf(name: string): string {
  const { description } = known[name] ?? {};
  if (description === undefined) throw new Error(`no subject has the variable ${name}`);
  return description;
}
