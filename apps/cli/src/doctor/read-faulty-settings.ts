import { ConfigError, readConfig } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import type { Settings, SubjectName } from './check.ts';

export type FaultySettings = {
  readonly settings: Settings;
  /** As the processes would say them, a sentence each. */
  readonly faults: readonly string[];
  /** Unknown names that look like ours. */
  readonly warnings: readonly string[];
  /** The values that must never be shown. */
  readonly secrets: readonly string[];
};

/** Reads each subject by itself, so that a fault in one hides nothing of the others. */
export function readFaultySettings(env: NodeJS.ProcessEnv): FaultySettings {
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
  // The reading that fails does not get so far.
  for (const warning of readConfig(env, {}, known).warnings) warnings.add(warning);
  return { settings, faults: [...faults], warnings: [...warnings], secrets };
}
