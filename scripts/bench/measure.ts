import { execa } from 'execa';

/** Runs a shell command. @returns its wall time in seconds */
export async function timeCommand(command: string, env: Readonly<Record<string, string>>): Promise<number> {
  const startedAt = performance.now();
  await execa('bash', ['-o', 'pipefail', '-c', command], { env, extendEnv: false });
  return (performance.now() - startedAt) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
