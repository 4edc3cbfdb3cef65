import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import type { Stream } from '@pgstow/testing/processes/output-lines.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import type { Environment } from '../settings-of.ts';
import { mainOf } from './start-app.ts';

export const CLI = mainOf('cli');

export type CliEnding = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the real command line to its end. */
export async function runCli(args: readonly string[], env: Environment = {}): Promise<CliEnding> {
  await using child = await launchCli(args, env);
  const { code } = await child.waitForExit();
  return { code, stdout: outputOf(child, 'stdout'), stderr: outputOf(child, 'stderr') };
}

/** The same, without waiting. */
export function launchCli(args: readonly string[], env: Environment = {}): Promise<BoundProcess> {
  return startProcess({ script: mainOf('cli'), args, env });
}

export function outputOf({ lines }: BoundProcess, wanted: Stream): string {
  return lines.flatMap(({ stream, text }) => (stream === wanted ? [text] : [])).join('\n');
}
