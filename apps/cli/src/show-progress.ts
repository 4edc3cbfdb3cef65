import { MultiBar } from 'cli-progress';

/** One bar for each of several things on a terminal; a line at each change of the text without one. */
export type Progress = Disposable & {
  /** @returns shows how far it is, 0 to 100, and a text of one line */
  add(name: string): (percent: number, text: string) => void;
};

export function startProgress(): Progress {
  return process.stdout.isTTY ? startBars() : startLines();
}

function startBars(): Progress {
  const bars = new MultiBar({ format: '{name} {bar} {percentage} % {text}', barsize: 24, stopOnComplete: false });
  return {
    add(name) {
      const bar = bars.create(100, 0, { name, text: '' });
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
        console.log(`${name}: ${firstLine(text)}`);
      };
    },
    [Symbol.dispose]: () => undefined,
  };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
