import { spawnSync } from 'node:child_process';
import { DEADLINE_MS } from '@pgstow/testing/deadline.ts';
import { hasCommand, isRoot } from '@pgstow/testing/machine/capabilities.ts';

/** `docker-compose` or, with `PGSTOW_COMPOSE='docker compose'`, Docker's plugin. */
export const COMPOSE = (process.env['PGSTOW_COMPOSE'] ?? 'docker-compose').split(' ') as [string, ...string[]];

/** Why the stack cannot run here; `undefined` if it can. */
export function whyNoEngine(): string | undefined {
  if (!hasCommand('docker')) return 'there is no docker on PATH';
  if (spawnSync('docker', ['info'], { timeout: DEADLINE_MS }).status !== 0) return 'no Docker engine answers';
  if (spawnSync(COMPOSE[0], [...COMPOSE.slice(1), 'version']).status !== 0) return `there is no ${COMPOSE.join(' ')}`;
  // Root kills a container's process as a crash does. If the engine kills it, it does not restart it.
  if (!isRoot()) return 'only root may kill the containers’ processes';
  return undefined;
}
