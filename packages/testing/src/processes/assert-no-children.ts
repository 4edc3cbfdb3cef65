import { DEADLINE_MS } from '../deadline.ts';
import { eventually } from '../eventually.ts';
import { descendants } from './running-processes.ts';

/**
 * Throws, naming them, when children of this process are still there after `timeoutMs` (`DEADLINE_MS` unless given). For
 * `afterEach(assertNoChildren)`; sees nothing where there is no /proc.
 */
export async function assertNoChildren({
  timeoutMs = DEADLINE_MS,
}: { readonly timeoutMs?: number } = {}): Promise<void> {
  await eventually(
    () => {
      const left = descendants();
      if (left.length > 0) {
        throw new Error(
          `wanted no child process left, found ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`,
        );
      }
    },
    { timeoutMs },
  );
}
