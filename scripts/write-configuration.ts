/** Writes docs/configuration.md from the schemas that read the configuration. */
import { writeFile } from 'node:fs/promises';
import { formatConfiguration } from '@pgstow/shared/config/configuration-page.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';

const page = new URL('../docs/configuration.md', import.meta.url);
await writeFile(page, formatConfiguration(Object.values(subjects)));
