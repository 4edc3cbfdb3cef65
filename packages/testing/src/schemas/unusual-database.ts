import { UNUSUAL_OBJECTS } from './unusual-objects.ts';
import { UNUSUAL_TABLES } from './unusual-tables.ts';

/**
 * A database of what PostgreSQL allows and few have, each kind in a schema of its own, so that whatever differs after a restore
 * says where it comes from. It needs a superuser, and version 15 or later.
 */
export const UNUSUAL_DATABASE = Object.entries({ ...UNUSUAL_TABLES, ...UNUSUAL_OBJECTS })
  .map(([schema, sql]) => `CREATE SCHEMA ${schema};\nSET search_path = ${schema};\n${sql}`)
  .join('\n');
