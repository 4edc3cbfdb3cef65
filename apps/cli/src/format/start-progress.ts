import { MultiBar } from 'cli-progress';
import { formatName } from './format-text.ts';

/** One bar for each of several things on a terminal; a line at each change of the text without one. */
export type Progress = Disposable & {
  /** @returns shows how far it is, 0 to 100, and a text of one line */
  add(name: string): (percent: number, text: string) => void;
};

export function startProgress(): Progress {
  return process.stdout.isTTY ? startBars() : startLines();
}

/** With less room, the bar gets shorter first, and goes; what does not fit then is cut. */
const BAR_COLUMNS = 24;
const TEXT_COLUMNS = 64;

function startBars(): Progress {
  const { columns } = process.stdout;
  const bars = new MultiBar({
    format: '{name} {bar} {percentage} % {text}',
    barsize: Math.max(0, Math.min(BAR_COLUMNS, columns - TEXT_COLUMNS)),
    stopOnComplete: false,
    // Where it is asked whether that is a terminal.
    stream: process.stdout,
    // Lines are cut before they are written. The other way is to tell the terminal not to wrap them, and a process that is
    // killed would leave it so.
    linewrap: true,
  });
  return {
    add(name) {
      const bar = bars.create(100, 0, { name: formatName(name), text: '' });
      return (percent, text) => bar.update(Math.floor(percent), { text: firstLine(text) });
    },
    // Draws all once more, as they stand.
    [Symbol.dispose]: () => bars.stop(),
  };
}

function startLines(): Progress {
  return {
    add(name) {
      let shown = '';
      return (_percent, text) => {
        if (text === shown) return;
        shown = text;
        console.log(`${formatName(name)}: ${firstLine(text)}`);
      };
    },
    [Symbol.dispose]: () => undefined,
  };
}

function firstLine(text: string): string {
  return formatName(text.split('\n', 1)[0] ?? '');
}
