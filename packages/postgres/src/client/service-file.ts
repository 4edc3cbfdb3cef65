import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const written = new Map<string, Record<string, string>>();

/**
 * Writes parameters of a connection that have no environment variable to a service file, and returns the variables that lead libpq
 * to it. The file is this user's alone, serves all connections of the process, and goes with the process.
 * Source: https://www.postgresql.org/docs/current/libpq-pgservice.html
 */
export function serviceFile(parameters: Readonly<Record<string, string>>): Record<string, string> {
  const lines = Object.entries(parameters).map(([name, value]) => `${name}=${value}\n`);
  if (lines.length === 0) return {};
  const content = `[pgstow]\n${lines.join('')}`;
  const known = written.get(content);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), 'pgstow-service-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'pg_service.conf');
  writeFileSync(file, content, { mode: 0o600 });
  const environment = { PGSERVICEFILE: file, PGSERVICE: 'pgstow' };
  written.set(content, environment);
  return environment;
}
