import { MultiBar } from 'cli-progress';
import { formatName } from './format-text.ts';

/** Progress of several things: a bar for each on a terminal; elsewhere a line whenever a text changes. */
export type Progress = Disposable & {
  /** @returns a function that shows a percentage and a text of one line */
  add(name: string): (percent: number, text: string) => void;
};

export function startProgress(): Progress {
  return process.stdout.isTTY ? startBars() : startLines();
}

/** The bar gets shorter on a narrow terminal, down to nothing; then the text is cut. */
const BAR_COLUMNS = 24;
const TEXT_COLUMNS = 64;

function startBars(): Progress {
  const { columns } = process.stdout;
  const bars = new MultiBar({
    format: '{name} {bar} {percentage} % {text}',
    barsize: Math.max(0, Math.min(BAR_COLUMNS, columns - TEXT_COLUMNS)),
    stopOnComplete: false,
    // The default is stderr; stdout is the one that was found to be a terminal.
    stream: process.stdout,
    // Otherwise the library turns off the terminal's line wrap, and a process that is killed would leave it off.
    linewrap: true,
  });
  return {
    add(name) {
      const bar = bars.create(100, 0, { name: formatName(name), text: '' });
      return (percent, text) => bar.update(Math.floor(percent), { text: firstLine(text) });
    },
    // Draws all bars once more, as they are.
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
