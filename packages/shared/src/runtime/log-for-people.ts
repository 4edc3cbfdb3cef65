import { prettyFactory } from 'pino-pretty';

/** As long as the longest name of a process. */
const PROCESS_WIDTH = 13;

/** A terminal would obey them. What servers and stores say may hold any. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/**
 * Makes a line for people of a JSON line of a log: local time, level, process, what happened, of which backup, and what the
 * line says besides; below it, why. Text that is no such line comes back as it is.
 */
export function forPeople({ hasColors }: { readonly hasColors: boolean }): (line: string) => string {
  return prettyFactory({
    colorize: hasColors,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,name',
    // All that a line says besides would follow on its last one, behind the reason.
    hideObject: true,
    messageFormat: ({ level: _level, time: _time, pid: _pid, process, msg, name, err, stack, ...rest }) => {
      const backup = text(name) === '' ? '' : ` (${text(name)})`;
      const besides = Object.keys(rest).length === 0 ? '' : ` ${text(JSON.stringify(rest))}`;
      const first = `${text(process).padEnd(PROCESS_WIDTH)} ${text(msg)}${backup}${besides}`;
      return [first, ...linesOf(err), ...linesOf(stack).slice(1)].join('\n    ');
    },
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
  const shown = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return typeof value === 'string' ? value.replaceAll(CONTROLS, shown) : '';
}
