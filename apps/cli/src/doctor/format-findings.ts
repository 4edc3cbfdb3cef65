import { styleText } from 'node:util';
import wrapAnsi from 'wrap-ansi';
import { formatName } from '../format/format-text.ts';
import { groups, type Finding, type Group, type Status } from './check.ts';

const WIDTH = 80;

const PLAIN: Readonly<Record<Status, string>> = { ok: 'ok', warning: 'warning', fault: 'FAULT', skipped: 'skipped' };
const SIGNS: Readonly<Record<Status, string>> = { ok: '✔', warning: '⚠', fault: '✖', skipped: '–' };
const COLOURS = { ok: 'green', warning: 'yellow', fault: 'red', skipped: 'gray' } as const;

/** Formats findings for people, group by group. @param isTerminal whether signs and colours may be used */
export function formatFindings(findings: readonly Finding[], isTerminal: boolean): string {
  const blocks = (Object.keys(groups) as Group[]).flatMap((group) => {
    const ours = findings.filter(({ check }) => check.startsWith(`${group}.`));
    const title = isTerminal ? styleText('bold', groups[group]) : groups[group];
    return ours.length === 0 ? [] : [[title, ...ours.map((finding) => formatFinding(finding, isTerminal))].join('\n')];
  });
  return [...blocks, formatCounts(findings)].join('\n\n');
}

export function countFindings(findings: readonly Finding[]): Readonly<Record<Status, number>> {
  const count = (wanted: Status): number => findings.filter(({ status }) => status === wanted).length;
  return { ok: count('ok'), warning: count('warning'), fault: count('fault'), skipped: count('skipped') };
}

function formatFinding({ subject, status, message, hint }: Finding, isTerminal: boolean): string {
  const indent = isTerminal ? 3 : 9;
  const mark = isTerminal
    ? styleText(COLOURS[status], SIGNS[status].padEnd(indent - 1))
    : PLAIN[status].padEnd(indent - 1);
  const told = wrap(subject === undefined ? message : `${subject}: ${message}`, indent);
  const hinted = hint === undefined ? [] : wrap(`${isTerminal ? '→' : 'hint:'} ${hint}`, indent);
  return [...told, ...hinted].map((line, index) => ` ${index === 0 ? mark : ' '.repeat(indent - 1)}${line}`).join('\n');
}

function wrap(text: string, indent: number): readonly string[] {
  return text.split('\n').flatMap((line) => wrapAnsi(formatName(line), WIDTH - indent).split('\n'));
}

function formatCounts(findings: readonly Finding[]): string {
  const { ok, warning, fault, skipped } = countFindings(findings);
  const number = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
  return `${number(fault, 'fault')}, ${number(warning, 'warning')}, ${ok} well, ${skipped} skipped`;
}
