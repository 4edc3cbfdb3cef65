import { prettyFactory } from 'pino-pretty';
import { escapeCharacters } from './escape-characters.ts';

/** As long as the longest name of a process. */
const PROCESS_WIDTH = 13;

/**
 * Formats a JSON line of a log for people: local time, level, process, message, backup and the other fields; below it, why. Any
 * other text comes back as it is.
 */
export function forPeople({ hasColors }: { readonly hasColors: boolean }): (line: string) => string {
  return prettyFactory({
    colorize: hasColors,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,name',
    // pino-pretty would put the other fields behind the reason.
    hideObject: true,
    messageFormat: ({ level: _level, time: _time, pid: _pid, process, msg, name, err, stack, ...rest }) => {
      const backup = text(name) === '' ? '' : ` (${visible(text(name))})`;
      const besides = Object.keys(rest).length === 0 ? '' : ` ${visible(JSON.stringify(rest))}`;
      const [happened = '', ...more] = linesOf(msg);
      const first = `${visible(text(process)).padEnd(PROCESS_WIDTH)} ${happened}${backup}${besides}`;
      return [first, ...more, ...linesOf(err), ...linesOf(stack).slice(1)].join('\n    ');
    },
    errorLikeObjectKeys: [],
  });
}

/** Lines of a text. All but the first are indented, so that none looks like an event of its own. */
function linesOf(value: unknown): readonly string[] {
  return text(value)
    .split('\n')
    .map((line) => visible(line.trim()))
    .filter((line) => line !== '');
}

/** Escapes control characters, which a terminal would obey, in texts of servers, dumps and names. */
function visible(line: string): string {
  return escapeCharacters(line.replaceAll('\t', ' '), /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
