import { readFileSync } from 'node:fs';
import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import type { Subject, Variable } from './subject.ts';
import { SECRET_PARAMETERS } from './values/libpq-parameters.ts';
import { withDecoded } from './values/url-secrets.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- a subject of any variables
export type AnySubject = Subject<any, any>;
export type BuiltOf<S extends Readonly<Record<string, AnySubject>>> = {
  readonly [K in keyof S]: ReturnType<S[K]['build']>;
};

export type ConfigReading<S extends Readonly<Record<string, AnySubject>>> = {
  readonly config: BuiltOf<S>;
  /** Settings without effect, and unknown names that look like ours, a sentence each. */
  readonly warnings: readonly string[];
  /** The values that must never be shown. */
  readonly secrets: readonly string[];
};

/** All faults of the environment, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

/** Some editors begin a file with it, and then the first variable has another name than it seems. */
const BYTE_ORDER_MARK = '\uFEFF';

/** What subjects make of an environment. Where there is a fault, the configuration holds stand-ins. */
export type SubjectsReading<S extends Readonly<Record<string, AnySubject>>> = ConfigReading<S> & {
  /** By variable. */
  readonly faults: ReadonlyMap<string, string>;
};

/**
 * Reads the environment once and checks all of it. Every variable may be given as `NAME_FILE`, the path of a file that
 * holds the value (a Docker secret); an empty value counts as not set.
 *
 * @param known the subjects of all processes, so that another process's variable is not called unknown
 * @throws ConfigError with all faults at once
 */
export function readConfig<const S extends Readonly<Record<string, AnySubject>>>(
  env: Readonly<Record<string, string | undefined>>,
  subjects: S,
  known: readonly AnySubject[],
): ConfigReading<S> {
  const { config, faults, warnings, secrets } = readSubjects(env, subjects);
  if (faults.size > 0) throw new ConfigError(Array.from(faults, ([name, fault]) => `${name}: ${fault}`));
  return { config, warnings: [...warnings, ...unknownNames(env, known)], secrets };
}

/** Builds each subject from the environment. Every variable is checked, and nothing is thrown. */
export function readSubjects<const S extends Readonly<Record<string, AnySubject>>>(
  env: Readonly<Record<string, string | undefined>>,
  subjects: S,
): SubjectsReading<S> {
  const faults = new Map<string, string>();
  const report = (variable: string, fault: string): void => {
    if (!faults.has(variable)) faults.set(variable, fault);
  };

  for (const name of Object.keys(env).filter((each) => each.startsWith(BYTE_ORDER_MARK)))
    report(name.slice(1), 'begins with a byte order mark; save the file it stands in as UTF-8 without one');

  const secrets: string[] = [];
  const warnings: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [key, subject] of Object.entries(subjects)) {
    const values: Record<string, unknown> = {};
    for (const [name, variable] of Object.entries<AnySubject['variables'][string]>(subject.variables)) {
      const raw = readRaw(env, name, report);
      if (variable.secret !== undefined && raw !== undefined) secrets.push(...secretsIn(raw, variable.secret));
      const parsed = variable.schema.safeParse(raw);
      if (!parsed.success) {
        const came = variable.secret !== undefined ? '' : `, got ${JSON.stringify(raw)}`;
        report(name, `${parsed.error.issues.map(describeIssue).join('; ')}${came}`);
      }
      values[name] = parsed.success ? parsed.data : variable.schema.safeParse(undefined).data;
    }
    config[key] = subject.build(values, report, (warning) => warnings.push(warning));
  }
  return { config: config as BuiltOf<S>, faults, warnings, secrets };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_value' ? `expected one of ${issue.values.join(', ')}` : issue.message;
}

function readRaw(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  report: (variable: string, fault: string) => void,
): string | undefined {
  const value = env[name] === '' ? undefined : env[name];
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return value;
  if (value !== undefined) {
    report(name, `give either ${name} or ${name}_FILE, not both`);
    return value;
  }
  try {
    // A secret's file commonly ends with a line end that is not part of the secret.
    const content = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    return content === '' ? undefined : content;
  } catch (cause) {
    report(
      name,
      `cannot read the file that ${name}_FILE names: ${(cause as NodeJS.ErrnoException).code ?? String(cause)} ${file}`,
    );
    return undefined;
  }
}

/** The text itself or, of a `url`, the passwords in it, encoded and decoded. */
function secretsIn(raw: string, kind: NonNullable<Variable['secret']>): readonly string[] {
  if (typeof kind === 'function') return [raw, ...kind(raw)];
  if (kind === true || !URL.canParse(raw)) return [raw];
  const { password, searchParams } = new URL(raw);
  const parameters = SECRET_PARAMETERS.flatMap((name) => searchParams.getAll(name));
  return [...withDecoded(password), ...parameters, ...parameters.map(encodeURIComponent)].filter((text) => text !== '');
}

function unknownNames(env: Readonly<Record<string, string | undefined>>, known: readonly AnySubject[]): string[] {
  const names = known.flatMap((subject) => Object.keys(subject.variables)).flatMap((name) => [name, `${name}_FILE`]);
  return Object.keys(env)
    .filter(
      (name) =>
        /^(?:POSTGRES|TARGETS|DUMP|UPLOAD|S3|COPY|BACKUP|AGE|VERIFY|BOARD|HEARTBEAT|NOTIFY|OTEL)_/.test(name) &&
        !names.includes(name),
    )
    .map((name) => {
      const nearest = closest(name, names);
      const guess = distance(name, nearest) <= 4 ? `; did you mean ${nearest}?` : '';
      return `unknown variable ${name} is ignored${guess}`;
    });
}
