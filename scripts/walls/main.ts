import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBreaches } from './find-breaches.ts';
import { readRooms } from './read-rooms.ts';
import { readSources } from './read-sources.ts';

/** `npm run walls`: whether the code keeps to the rooms of docs/layers.md. */
const ROOT = join(import.meta.dirname, '../..');
const breaches = findBreaches(readSources(ROOT), readRooms(readFileSync(join(ROOT, 'docs/layers.md'), 'utf8')));
for (const breach of breaches) console.error(breach);
process.exitCode = breaches.length === 0 ? 0 : 1;
