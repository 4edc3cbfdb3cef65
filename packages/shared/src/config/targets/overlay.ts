import type { Environment } from './environment.ts';
import type { Settings } from './setting.ts';
import { ALTERNATIVES } from './settings.ts';
import type { Path } from './yaml-positions.ts';

/** Values of TARGETS_FILE, and where they stand in it. */
export type Layer = { readonly values: Readonly<Record<string, unknown>>; readonly path: Path };

/** An environment in which values of TARGETS_FILE have taken the place of variables. */
export type Overlaid = {
  readonly env: Environment;
  /** Where the value of a variable stands in the file; under the variable's own name for `NAME_FILE` as well. */
  readonly origins: ReadonlyMap<string, Path>;
  /** Variables whose value is in an environment variable that is not set, with that variable's name. */
  readonly unset: ReadonlyMap<string, string>;
};

/**
 * Puts layers of values over an environment, the later ones over the earlier. Of two settings that exclude each other, a layer's own
 * removes that of the layers below; two in one layer stay, for their subject to refuse.
 */
export function overlay(base: Environment, settings: Settings, layers: readonly Layer[]): Overlaid {
  const env: Record<string, string | undefined> = { ...base };
  const origins = new Map<string, Path>();
  const unset = new Map<string, string>();
  for (const { values, path } of layers) {
    const found = Object.entries(settings).flatMap(([key, setting]) => {
      const value = valueAt(values, key);
      return value === undefined ? [] : [{ key, setting, value }];
    });
    for (const { setting } of found) for (const name of replacedBy(setting.variable)) delete env[name];
    for (const { key, setting, value } of found) {
      const text = setting.format(value as never, base);
      const name = nameOf(setting.variable);
      origins.set(name, [...path, ...key.split('.')]);
      if (text === undefined) unset.set(name, typeof value === 'string' ? value : '');
      else env[setting.variable] = text;
    }
  }
  return { env, origins, unset };
}

function valueAt(values: Readonly<Record<string, unknown>>, key: string): unknown {
  const [outer = '', within] = key.split('.');
  const value = values[outer];
  return within === undefined ? value : (value as Readonly<Record<string, unknown>> | undefined)?.[within];
}

function replacedBy(variable: string): readonly string[] {
  const name = nameOf(variable);
  const group = ALTERNATIVES.find((each) => each.includes(name)) ?? [name];
  return group.flatMap((each) => [each, `${each}_FILE`]);
}

/** A variable's own name, without the `_FILE` of one that names a file. */
export function nameOf(variable: string): string {
  return variable.replace(/_FILE$/, '');
}
