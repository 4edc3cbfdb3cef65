import { z } from 'zod';
import { destinationNameSchema, serverNameSchema } from '../../contract/target.ts';
import type { Settings } from './setting.ts';
import { connectionSettings, destinationSettings, serverSettings } from './settings.ts';

const destinations = z
  .array(destinationNameSchema)
  .describe('Names of the destinations, from the map `destinations`; none for backups that stay in the folder alone.')
  .optional();

/**
 * The shape of TARGETS_FILE, from which docs/targets.schema.json is made. Whether a value is right is said by the variable that it
 * stands for.
 */
export const targetsSchema = z.strictObject({
  defaults: z
    .strictObject({ ...shapeOf(serverSettings), destinations })
    .describe('What holds for every server that does not say otherwise. Without it: what the environment says.')
    .optional(),
  destinations: z
    .record(destinationNameSchema, z.strictObject(shapeOf(destinationSettings)))
    .describe('Places that dumps are copied to, by name.')
    .optional(),
  servers: z
    .array(
      z.strictObject({
        name: serverNameSchema.describe(
          'Name of the server: its folder below BACKUP_DIR, its prefix at destinations, and what people call it.',
        ),
        ...shapeOf({ ...connectionSettings, ...serverSettings }),
        destinations,
      }),
      'expected a list of servers',
    )
    .describe('The servers, each with a name of its own.'),
});

export type TargetsDocument = z.infer<typeof targetsSchema>;

/** The shape of an object with these keys, all of them optional. */
function shapeOf(settings: Settings): z.ZodRawShape {
  const shape: Record<string, z.ZodType> = {};
  const inner = new Map<string, Record<string, z.ZodType>>();
  for (const [key, { schema }] of Object.entries(settings)) {
    const [outer = '', within] = key.split('.');
    if (within === undefined) shape[outer] = schema.optional();
    else inner.set(outer, { ...inner.get(outer), [within]: schema.optional() });
  }
  for (const [key, fields] of inner) shape[key] = z.strictObject(fields).optional();
  return shape;
}
