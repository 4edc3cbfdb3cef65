/** Writes docs/configuration.md from the schemas that read the configuration. */
import { writeFile } from 'node:fs/promises';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { formatConfiguration } from './configuration-page.ts';

const page = new URL('../docs/configuration.md', import.meta.url);
await writeFile(page, formatConfiguration(Object.values(subjects)));
