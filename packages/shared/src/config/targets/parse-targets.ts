import { closest, distance } from 'fastest-levenshtein';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { connectionSettings, destinationSettings, serverSettings } from './settings.ts';
import { targetsSchema, type TargetsDocument } from './targets-schema.ts';
import { YamlPositions, type Path } from './yaml-positions.ts';

/** A text of TARGETS_FILE that has the right shape, and where its parts stand. */
export type ParsedTargets = { readonly document: TargetsDocument; readonly positions: YamlPositions };

/** Reports a fault at a line and column. */
export type ReportAt = (position: string, fault: string) => void;

const KEYS = [
  'name',
  'destinations',
  ...Object.keys({ ...connectionSettings, ...serverSettings, ...destinationSettings }),
];
const KNOWN_KEYS = ['defaults', 'servers', ...KEYS.flatMap((key) => key.split('.'))];

/** Parses the text of TARGETS_FILE. @returns `undefined` once its faults are reported */
export function parseTargets(text: string, report: ReportAt): ParsedTargets | undefined {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const positions = new YamlPositions(yaml, lines);
  for (const { pos, message } of [...yaml.errors, ...yaml.warnings]) report(positions.at(pos[0]), `YAML: ${message}`);
  if (yaml.errors.length > 0) return undefined;
  const { data, error } = targetsSchema.safeParse(readValues(yaml, report, positions), { reportInput: true });
  for (const issue of error?.issues ?? []) reportIssue(issue, positions, report);
  if (data === undefined) return undefined;
  return hasDistinctNames(data, positions, report) ? { document: data, positions } : undefined;
}

function readValues(yaml: ReturnType<typeof parseDocument>, report: ReportAt, positions: YamlPositions): unknown {
  try {
    return yaml.toJS();
  } catch (error) {
    // An alias without its anchor, or far too many of them.
    report(positions.of([]), `YAML: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function reportIssue(issue: z.core.$ZodIssue, positions: YamlPositions, report: ReportAt): void {
  const where = issue.path.length === 0 ? '' : `${describePath(issue.path)}: `;
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) report(positions.ofKey(issue.path, key), `${where}${describeUnknown(key)}`);
  } else if (issue.code === 'invalid_key') {
    const key = String(issue.path.at(-1));
    report(positions.ofKey(issue.path.slice(0, -1), key), `${where}${issue.issues[0]?.message ?? issue.message}`);
  } else report(positions.of(issue.path), `${where}${describeIssue(issue)}`);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type') return issue.message;
  if (issue.input === undefined) return 'is required and not set';
  // zod's own word for a field that wants another kind of value.
  return issue.message.startsWith('Invalid input')
    ? `expected ${issue.expected === 'object' ? 'keys with values' : issue.expected}`
    : issue.message;
}

/** A secret's own key is refused in words of its own; its value is never shown. */
function describeUnknown(key: string): string {
  if (KNOWN_KEYS.includes(`${key}File`))
    return `a secret does not stand in this file; give ${key}File, the path of a file that holds it, or ${key}Env, the name of an environment variable`;
  const nearest = closest(key, KNOWN_KEYS);
  return `unknown key ${JSON.stringify(key)}${distance(key, nearest) <= 3 ? `; did you mean ${nearest}?` : ''}`;
}

function hasDistinctNames({ servers }: TargetsDocument, positions: YamlPositions, report: ReportAt): boolean {
  const twice = servers.flatMap(({ name }, index) => {
    const first = servers.findIndex((each) => each.name === name);
    return first === index ? [] : [{ name, index, first }];
  });
  for (const { name, index, first } of twice)
    report(
      positions.of(['servers', index, 'name']),
      `there are two servers of the name ${name}; the first is at ${positions.of(['servers', first, 'name'])}`,
    );
  return twice.length === 0;
}

/** `servers[0].keep.daily` */
export function describePath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`))
    .join('');
}
