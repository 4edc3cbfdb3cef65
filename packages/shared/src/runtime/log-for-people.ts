import { prettyFactory } from 'pino-pretty';

/** As long as the longest name of a process. */
const PROCESS_WIDTH = 13;

/**
 * Makes a line for people of a JSON line of a log: local time, level, process, what happened, of which backup, and what the
 * line says besides; below it, why. Text that is no such line comes back as it is.
 */
export function forPeople({ hasColors }: { readonly hasColors: boolean }): (line: string) => string {
  return prettyFactory({
    colorize: hasColors,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,process,name,err,stack',
    messageFormat: ({ process, msg, name, err, stack }) => {
      const backup = text(name) === '' ? '' : ` (${text(name)})`;
      const first = `${text(process).padEnd(PROCESS_WIDTH)} ${text(msg)}${backup}`;
      return [first, ...linesOf(err), ...linesOf(stack).slice(1)].join('\n    ');
    },
    singleLine: true,
    errorLikeObjectKeys: [],
  });
}

function linesOf(value: unknown): readonly string[] {
  return text(value)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
