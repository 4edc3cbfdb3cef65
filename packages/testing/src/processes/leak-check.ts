import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEADLINE_MS } from '../deadline.ts';
import { eventually } from '../eventually.ts';
import { descendants, runningProcesses } from './running-processes.ts';

/**
 * Finds what a test file leaves: processes, and ports and temp folders of this process. Each check has its own folder, which
 * is TMPDIR here and stands in PATH, which processes hand on: so files that run at the same time are told apart. Without
 * /proc, it finds folders alone.
 */
export class LeakCheck {
  readonly #folder = mkdtempSync(join(tmpdir(), 'leak-'));
  readonly #portsBefore = new Set(listeningPorts());

  /** From here on, what is started or made counts. */
  constructor() {
    chmodSync(this.#folder, 0o1777);
    process.env['TMPDIR'] = this.#folder;
    process.env['PATH'] = `${process.env['PATH'] ?? '/usr/bin:/bin'}:${this.#folder}`;
  }

  /** A line for each thing that is left. */
  find(): readonly string[] {
    const ours = new Set(descendants().map(({ pid }) => pid));
    return [
      ...runningProcesses()
        .filter(({ pid, command }) => ours.has(pid) || command.includes(this.#folder) || this.#isIn(pid))
        .map(({ pid, command }) => `process ${pid}: ${command}`),
      ...listeningPorts()
        .filter((port) => !this.#portsBefore.has(port))
        .map((port) => `a server of the tests that listens on port ${port}`),
      ...readdirSync(this.#folder).map((name) => `temp folder ${join(this.#folder, name)}`),
    ];
  }

  /** @throws an error that names what is left after `timeoutMs` (`DEADLINE_MS` unless given) */
  async end({ timeoutMs = DEADLINE_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    await eventually(
      () => {
        const left = this.find();
        if (left.length > 0) throw new Error(`wanted nothing left of these tests, found\n${left.join('\n')}`);
      },
      { timeoutMs },
    );
    rmdirSync(this.#folder);
  }

  /** PostgreSQL and Redis write their title over their environment: they are known by the folder that they work in. */
  #isIn(pid: number): boolean {
    if (pid === process.pid) return false;
    try {
      return [readlinkSync(`/proc/${pid}/cwd`), readFileSync(`/proc/${pid}/environ`, 'latin1')].some((text) =>
        text.includes(this.#folder),
      );
    } catch {
      // It has ended, or is another user's.
      return false;
    }
  }
}

/** TCP ports that this process listens on. */
function listeningPorts(): readonly number[] {
  try {
    const listening = new Map(
      ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap((table) =>
        readFileSync(table, 'utf8')
          .split('\n')
          .map((line) => line.trim().split(/\s+/))
          .filter(([, , , state]) => state === '0A')
          .map(([, address, , , , , , , , inode]) => [inode, Number.parseInt(address?.split(':')[1] ?? '', 16)]),
      ),
    );
    return readdirSync('/proc/self/fd').flatMap((descriptor) => listening.get(inodeOf(descriptor)) ?? []);
  } catch {
    return [];
  }
}

function inodeOf(descriptor: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  } catch {
    // The one that reads the list is closed by now.
    return undefined;
  }
}
