import { ConfigError, readConfig } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { findingOf, type Finding, type Settings, type SubjectName } from './check.ts';

export type CheckedConfiguration = {
  readonly settings: Settings;
  /** Findings of the environment, as the processes would report them when they start. */
  readonly findings: readonly Finding[];
  /** The values that must never be shown. */
  readonly secrets: readonly string[];
};

/** Reads each subject by itself, so that a fault in one hides nothing of the others. */
export function checkConfiguration(env: NodeJS.ProcessEnv): CheckedConfiguration {
  const known = Object.values(subjects);
  const settings: Record<string, unknown> = {};
  // Two subjects may share a variable.
  const faults = new Set<string>();
  const warnings = new Set<string>();
  const secrets: string[] = [];
  for (const name of Object.keys(subjects) as SubjectName[]) {
    try {
      const reading = readConfig(env, { [name]: subjects[name] }, known);
      settings[name] = reading.config[name];
      secrets.push(...reading.secrets);
      for (const warning of reading.warnings) warnings.add(warning);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const fault of error.faults) faults.add(fault);
    }
  }
  for (const warning of readConfig(env, {}, known).warnings) warnings.add(warning);
  return { settings, findings: findingsOf([...faults], [...warnings]), secrets };
}

function findingsOf(faults: readonly string[], warnings: readonly string[]): readonly Finding[] {
  const { ok, fault } = findingOf('configuration.values');
  const { warning } = findingOf('configuration.names');
  const hint = 'Mend or remove it: what it was to set has its default. See docs/configuration.md.';
  return [
    ...(faults.length === 0 ? [ok('every variable is understood')] : []),
    ...faults.map((message) => fault(message, 'See docs/configuration.md.')),
    ...warnings.map((message) => warning(message, hint)),
  ];
}
