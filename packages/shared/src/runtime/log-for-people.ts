import { prettyFactory } from 'pino-pretty';

/**
 * Makes a line for people of a JSON line of a log: local time, level, backup, process, what happened and why, and after it
 * what the line says besides. Text that is no such line comes back as it is.
 */
export function forPeople({ hasColors }: { readonly hasColors: boolean }): (line: string) => string {
  return prettyFactory({
    colorize: hasColors,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,process,err,stack',
    messageFormat: ({ process, msg, err, stack }) =>
      [`${text(process)} ${text(msg)}`, ...linesOf(err), ...linesOf(stack).slice(1)].join('\n    '),
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
