import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** The command line as people start it: by `pnpm pgstow`, and by its image. */
export const PGSTOW = [join(ROOT, 'scripts/lean'), process.execPath, join(ROOT, 'apps/cli/src/main.ts')] as const;
