import { eventually } from './eventually.ts';
import { descendants } from './running-processes.ts';

/**
 * Throws, naming them, when children of this process are still there after `timeoutMs` (5,000 unless given). For
 * `afterEach(assertNoChildren)`; sees nothing where there is no /proc.
 */
export async function assertNoChildren({ timeoutMs = 5_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
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
