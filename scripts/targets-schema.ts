import { targetsJsonSchema } from '@pgstow/shared/config/targets/targets-json-schema.ts';

/** docs/targets.schema.json: the shape of TARGETS_FILE. */
export function formatTargetsSchema(): string {
  return `${JSON.stringify(targetsJsonSchema(), undefined, 2)}\n`;
}
