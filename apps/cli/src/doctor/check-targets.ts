import { ConfigError } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import type { ServerReading } from '@pgstow/shared/config/targets/read-targets.ts';
import { readTargetsFile } from '../servers/read-targets-file.ts';
import { findingOf, type Finding } from './check.ts';

/** The servers of TARGETS_FILE with all of their configuration, and what is wrong with the file. */
export function checkTargets(): {
  readonly servers: readonly ServerReading<typeof subjects>[];
  readonly findings: readonly Finding[];
} {
  const { ok, fault } = findingOf('configuration.targets');
  try {
    const servers = readTargetsFile(subjects);
    if (servers.length === 0) return { servers, findings: [] };
    return { servers, findings: [ok(`TARGETS_FILE names ${servers.map(({ name }) => name).join(', ')}`)] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const hint = 'The processes go on with what it said before. See docs/servers.md.';
    return { servers: [], findings: error.faults.map((message) => fault(message, hint)) };
  }
}
