import { z } from 'zod';
import { targetsSchema } from './targets-schema.ts';

/** The JSON Schema of TARGETS_FILE, for editors. */
export function targetsJsonSchema(): Readonly<Record<string, unknown>> {
  return { ...z.toJSONSchema(targetsSchema, { io: 'input' }), title: 'TARGETS_FILE of pgstow' };
}
