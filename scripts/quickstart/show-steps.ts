import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters, styleText } from 'node:util';

export type Steps = {
  /**
   * Shows a step while it runs, and one line once it has ended.
   *
   * @param work reports its progress or result; the last text stays
   */
  run<T>(title: string, work: (report: (text: string) => void) => Promise<T>): Promise<T>;
  /** Prints a line. */
  say(line: string): void;
};

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 100;

/**
 * Prints one line a step; on a terminal, the running step's line moves.
 *
 * @param signal once aborted, an unfinished step counts as stopped, not as failed
 */
export function showSteps(signal: AbortSignal): Steps {
  const isLive = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  return {
    run: async (title, work) => {
      const startedAt = performance.now();
      let text = '';
      const line = (mark: string): string => {
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        return `${mark} ${style('dim', `${seconds.padStart(5)} s`)}  ${style('bold', title.padEnd(15))} ${text}`;
      };
      const animation = new AbortController();
      const moving = isLive ? animate(line, animation.signal) : undefined;
      let isDone = false;
      try {
        const result = await work((reported) => (text = reported));
        isDone = true;
        return result;
      } finally {
        animation.abort();
        await moving;
        const mark = isDone ? style('green', '✔') : signal.aborted ? style('yellow', '–') : style('red', '✘');
        process.stdout.write(`${isLive ? CLEAR : ''}${line(mark)}\n`);
      }
    },
    say: (line) => void process.stdout.write(`${line}\n`),
  };
}

/** Styles text if standard output shows it: on a terminal, and without NO_COLOR. */
export function style(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

const CLEAR = '\r\u001B[K';

async function animate(line: (mark: string) => string, signal: AbortSignal): Promise<void> {
  for (let frame = 0; !signal.aborted; frame += 1) {
    const text = line(style('cyan', FRAMES[frame % FRAMES.length] ?? ''));
    process.stdout.write(`${CLEAR}${fits(text) ? text : cut(text)}`);
    await delay(FRAME_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** A line that the terminal wraps could not be cleared again. */
function fits(text: string): boolean {
  return stripVTControlCharacters(text).length < process.stdout.columns;
}

function cut(text: string): string {
  return `${stripVTControlCharacters(text).slice(0, Math.max(process.stdout.columns - 2, 1))}…`;
}
