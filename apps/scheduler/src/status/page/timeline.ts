import { decisiveRestoreTest } from '@pgstow/catalog/policy/decisive-restore-test.ts';
import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { lackingOf } from '@pgstow/catalog/policy/is-confirmed.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import prettyBytes from 'pretty-bytes';
import { html, type Html } from './html.ts';

/** How a stage of a backup ended. */
export type StageResult = 'good' | 'bad' | 'unknown' | 'none';

export type Stages = {
  /** `unknown`: the dump is suspect. */
  readonly dump: 'good' | 'unknown';
  readonly upload: StageResult | 'not-wanted';
  readonly restore: StageResult;
};

/** Judges each stage of a dump: suspect or not, uploaded to every destination or not, restored or not. */
export function stagesOf(dump: PublishedDump, destinations: readonly Destination[]): Stages {
  const recalled = recallDump(dump);
  const result = decisiveRestoreTest(recalled)?.result;
  return {
    dump: isSuspect(recalled) ? 'unknown' : 'good',
    upload: destinations.length === 0 ? 'not-wanted' : lackingOf(recalled, destinations).length === 0 ? 'good' : 'none',
    restore: result === undefined ? 'none' : result === 'could-not-tell' ? 'unknown' : result,
  };
}

const MOST = 18;
const SLOT = 18;
const LEFT = 70;
const WIDTH = LEFT + MOST * SLOT + 6;
const SIZE = { top: 18, height: 58 };
const TIME = { top: 82, height: 16 };
const ROWS = { dump: 112, upload: 128, restore: 144 };
const HEIGHT = 176;

/** Draws the last backups of a database, oldest on the left: size, duration, and how each stage ended. Needs the page's style. */
export function drawTimeline(
  id: string,
  database: string,
  dumps: readonly PublishedDump[],
  destinations: readonly Destination[],
): Html {
  const shown = dumps.slice(-MOST);
  const most = Math.max(1, ...shown.map(({ bytes }) => bytes));
  const longest = Math.max(1, ...shown.map(({ durationMs }) => durationMs ?? 0));
  const stages = shown.map((dump) => stagesOf(dump, destinations));
  const first = shown[0];
  const last = shown.at(-1);
  if (first === undefined || last === undefined) return html``;
  const count = (wanted: (each: Stages) => boolean): number => stages.filter(wanted).length;
  const description = [
    `${shown.length} backups from ${day(first.takenAt)} to ${day(last.takenAt)}, the last of ${prettyBytes(last.bytes)}`,
    destinations.length === 0 ? undefined : `${count(({ upload }) => upload === 'good')} are uploaded`,
    `${count(({ restore }) => restore === 'good')} restored well`,
    `${count(({ restore }) => restore === 'bad')} did not`,
    count(({ dump }) => dump === 'unknown') === 0 ? undefined : `${count(({ dump }) => dump === 'unknown')} suspect`,
  ];
  return html`<svg
    class="timeline"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-labelledby="${id}-title ${id}-desc"
  >
    <title id="${id}-title">The last backups of ${database}</title>
    <desc id="${id}-desc">${description.filter((each) => each !== undefined).join('; ')}.</desc>
    <g class="label">
      <text x="0" y="${SIZE.top + 4}">${prettyBytes(most)}</text>
      <text x="0" y="${SIZE.top + SIZE.height}">size</text>
      <text x="0" y="${TIME.top + 12}">time</text>
      <text x="0" y="${ROWS.dump + 4}">dump</text>
      ${destinations.length === 0 ? undefined : html`<text x="0" y="${ROWS.upload + 4}">upload</text>`}
      <text x="0" y="${ROWS.restore + 4}">restore</text>
      <text x="${LEFT}" y="${HEIGHT - 6}">${day(first.takenAt)}</text>
      ${shown.length < 8 ? undefined : html`<text x="${LEFT + shown.length * SLOT}" y="${HEIGHT - 6}" text-anchor="end">${day(last.takenAt)}</text>`}
    </g>
    <path class="axis" d="M${LEFT} ${SIZE.top + SIZE.height + 0.5}H${WIDTH - 6}" />
    ${shown.map((dump, index) => drawBackup(dump, stages[index] ?? { dump: 'good', upload: 'none', restore: 'none' }, LEFT + index * SLOT, { most, longest }))}
  </svg>`;
}

function drawBackup(
  dump: PublishedDump,
  stages: Stages,
  x: number,
  { most, longest }: { readonly most: number; readonly longest: number },
): Html {
  const height = round(Math.max(2, (SIZE.height * dump.bytes) / most));
  const time = round(Math.max(1, (TIME.height * (dump.durationMs ?? 0)) / longest));
  const center = x + SLOT / 2;
  const { upload, restore } = stages;
  const kind = restore === 'bad' ? ' bad' : stages.dump === 'unknown' ? ' suspect' : '';
  return html`<g
    ><title>${describeBackup(dump, stages)}</title
    ><rect
      class="bar${kind}"
      x="${x + 3}"
      y="${round(SIZE.top + SIZE.height - height)}"
      width="${SLOT - 6}"
      height="${height}"
      rx="1.5"
    />${
      dump.durationMs === undefined
        ? undefined
        : html`<rect
            class="took"
            x="${x + 6}"
            y="${round(TIME.top + TIME.height - time)}"
            width="${SLOT - 12}"
            height="${time}"
          />`
    }${drawMark(stages.dump, center, ROWS.dump)}${upload === 'not-wanted' ? undefined : drawMark(upload, center, ROWS.upload)}${drawMark(restore, center, ROWS.restore)}</g
  >`;
}

/** Draws a result by its shape as well as by its colour: a disc, a cross, a hollow diamond, a dot. */
function drawMark(result: StageResult, x: number, y: number): Html {
  if (result === 'good') return html`<circle class="good" cx="${x}" cy="${y}" r="4.5" />`;
  if (result === 'bad') return html`<path class="cross" d="M${x - 4} ${y - 4}l8 8m0-8l-8 8" />`;
  if (result === 'unknown') return html`<path class="unknown" d="M${x} ${y - 4.5}l4.5 4.5-4.5 4.5-4.5-4.5z" />`;
  return html`<circle class="none" cx="${x}" cy="${y}" r="1.5" />`;
}

function describeBackup(dump: PublishedDump, { dump: dumped, upload, restore }: Stages): string {
  const took = dump.durationMs === undefined ? '' : ` in ${describeDuration(dump.durationMs)}`;
  const uploaded = { good: ', uploaded', none: ', not uploaded', bad: '', unknown: '', 'not-wanted': '' }[upload];
  const restored = {
    good: ', restore test good',
    bad: ', restore test BAD',
    unknown: ', restore test could not tell',
    none: ', no restore test',
  }[restore];
  return `${dump.takenAt.slice(0, 16).replace('T', ' ')} UTC: ${prettyBytes(dump.bytes)}${took}${dumped === 'unknown' ? ', SUSPECT' : ''}${uploaded}${restored}`;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function day(time: string): string {
  return DAY.format(new Date(time));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
