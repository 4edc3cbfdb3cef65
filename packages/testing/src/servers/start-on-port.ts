import type { BoundProcess } from '../processes/bound-process.ts';
import { freePort } from './free-port.ts';

/**
 * Starts a server on the given port, or on a free one. If another process takes the free port first, it tries two new
 * ones.
 */
export async function startOnPort(
  wanted: number | undefined,
  launch: (port: number) => Promise<BoundProcess>,
): Promise<{ readonly port: number; readonly server: BoundProcess }> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort());
    try {
      return { port, server: await launch(port) };
    } catch (error) {
      const isTaken = /address already in use|EADDRINUSE/i.test(String(error));
      if (!isTaken || wanted !== undefined || attempt === 3) throw error;
    }
  }
}
