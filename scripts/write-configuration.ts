/** Writes docs/configuration.md and docs/targets.schema.json from the schemas that read the configuration. */
import { writeFile } from 'node:fs/promises';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { formatConfiguration } from './configuration-page.ts';
import { formatTargetsSchema } from './targets-schema.ts';

const docs = new URL('../docs/', import.meta.url);
await writeFile(new URL('configuration.md', docs), formatConfiguration(Object.values(subjects)));
await writeFile(new URL('targets.schema.json', docs), formatTargetsSchema());
