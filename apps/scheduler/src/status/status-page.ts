import { decisiveRestoreTest } from '@pgstow/catalog/policy/decisive-restore-test.ts';
import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { lastRestoreTest } from '@pgstow/catalog/policy/last-restore-test.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import type { AlarmRecord } from '@pgstow/notify/alarm-record.ts';
import type { Severity } from '@pgstow/notify/notification.ts';
import { uploadJobId, verifyJobId, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { PublishedCatalog, PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import prettyBytes from 'pretty-bytes';
import type { DatabaseStatus, Protection, SiteStatus } from '../site/protection-policy.ts';
import type { ShownJob } from '../site/read-jobs.ts';
import type { SiteFacts } from '../site/read-site.ts';
import { BOARD_PATH } from '../web/board-path.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { capital, collectNotices, showAlarms, type Notice, type ShownAlarm } from './status-notices.ts';
import { STATUS_STYLE } from './status-style.ts';
import { drawTimeline, stagesOf } from './timeline.ts';

/** What came of a form that was sent. */
export type Said = {
  readonly isRefusal: boolean;
  readonly text: string;
  readonly job?: Pick<ShownJob, 'queue' | 'id'>;
};

export type StatusPageOptions = {
  readonly site: string;
  /** What browsers see before the page's own path: empty, or without a slash at the end. */
  readonly publicPath: string;
  readonly destination: DestinationPlace | undefined;
  readonly facts: SiteFacts;
  readonly status: SiteStatus;
  /** Those that stand, the oldest first. */
  readonly alarms: readonly AlarmRecord[];
  readonly jobs: readonly ShownJob[];
  readonly said: Said | undefined;
  /** Of the forms. */
  readonly token: string;
  readonly version: string;
};

/** With more databases than that, those that are protected are folded. */
const MOST_UNFOLDED = 6;
const MOST_LISTED = 12;
const REFRESH_SECONDS = 10;

/** The whole status page: HTML and one picture for each database, without a script. */
export function renderStatusPage(options: StatusPageOptions): string {
  const { site, publicPath, facts, status, alarms, jobs, said } = options;
  const isBusy = jobs.some(({ state }) => state === 'running') || facts.dumping.size > 0;
  const notices = collectNotices(facts, status, jobs, alarms);
  const verdict = describeSite(status);
  return renderDocument({
    title: verdict.text,
    // What is under way is soon another.
    head: isBusy ? html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}; url=./" />` : undefined,
    site,
    publicPath,
    main: html` <h1>
        <span class="${verdict.protection}" aria-hidden="true">${SIGNS[verdict.protection]}</span> ${verdict.text}
      </h1>
      <p class="muted">${describePublication(facts)}</p>
      ${said === undefined ? undefined : renderSaid(said)}
      ${
        alarms.length === 0
          ? undefined
          : html`<section aria-labelledby="alarms">
              <h2 id="alarms">Alarms</h2>
              <ul class="notices">
                ${gravestAlarmFirst(alarms, jobs).map((each) => renderAlarm(each, facts.now))}
              </ul>
            </section>`
      }
      ${
        notices.length === 0
          ? undefined
          : html`<section aria-labelledby="attention">
              <h2 id="attention">What needs attention</h2>
              <ul class="notices">
                ${notices.map(renderNotice)}
              </ul>
            </section>`
      }
      <section aria-labelledby="databases">
        <h2 id="databases">Databases</h2>
        ${gravestFirst(status.databases).map((each, index) => renderDatabase(each, index, options))}
      </section>
      ${facts.catalog === undefined ? undefined : renderPlaces(facts.catalog, status, options.destination)}
      <footer>
        pgstow ${options.version}${site === 'default' ? undefined : `, site ${site}`}. All times are in UTC.
        <a href="./healthz">Health</a> · <a href="./metrics">Metrics</a>
      </footer>`,
  });
}

/** The page while Redis does not answer. */
export function renderUnavailable(site: string, publicPath: string, reason: string): string {
  return renderDocument({
    title: 'Not known',
    head: html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}; url=./" />`,
    site,
    publicPath,
    main: html`<h1><span class="no" aria-hidden="true">✗</span> Whether your backups are good is not known</h1>
      <p>The scheduler cannot say anything without Redis: ${reason}.</p>
      <p class="muted">
        Start Redis. No backup is lost with it: the backup folder and the store are the truth, and the workers publish
        what is there once Redis is back.
      </p>`,
  });
}

function renderDocument({
  title,
  head,
  site,
  publicPath,
  main,
}: {
  title: string;
  head: Html | undefined;
  site: string;
  publicPath: string;
  main: Html;
}): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · pgstow</title>
        ${
          // The page's links are relative. Under a path they fit with or without a slash at its end.
          publicPath === '' ? undefined : html`<base href="${publicPath}/" />`
        }${head}${STATUS_STYLE}
      </head>
      <body>
        <div class="wrap">
          <header class="site">
            <strong>pgstow</strong>${site === 'default' ? undefined : html`<span>${site}</span>`}
            <nav aria-label="Pages"><a href=".${BOARD_PATH}">Job queues</a></nav>
          </header>
          <main>${main}</main>
        </div>
      </body>
    </html> `.text;
}

const GRAVITY: Readonly<Record<Protection, number>> = { no: 0, 'not-yet': 1, yes: 2 };

function gravestFirst(databases: readonly DatabaseStatus[]): readonly DatabaseStatus[] {
  return databases.toSorted((a, b) => GRAVITY[a.protection] - GRAVITY[b.protection]);
}

const SIGNS: Readonly<Record<Protection, string>> = { yes: '✓', 'not-yet': '…', no: '✗' };
const BADGES: Readonly<Record<Protection, string>> = {
  yes: 'Protected',
  'not-yet': 'Not yet protected',
  no: 'Not protected',
};

function describeSite({ databases, faults }: SiteStatus): { readonly protection: Protection; readonly text: string } {
  const of = (wanted: Protection): number => databases.filter(({ protection }) => protection === wanted).length;
  const total = databases.length;
  if (total === 0) return { protection: 'no', text: 'No database is configured' };
  const ill = of('no');
  if (ill === total)
    return {
      protection: 'no',
      text: total === 1 ? 'Your database is not protected' : `None of your ${total} databases is protected`,
    };
  if (ill > 0)
    return { protection: 'no', text: `${ill} of your ${total} databases ${ill === 1 ? 'is' : 'are'} not protected` };
  const soon = of('not-yet');
  if (soon > 0)
    return {
      protection: 'not-yet',
      text: soon === 1 ? 'A first backup is on its way' : `${soon} first backups are on their way`,
    };
  const all =
    total === 1
      ? 'Your database is protected'
      : total === 2
        ? 'Both databases are protected'
        : `All ${total} databases are protected`;
  return faults.length === 0
    ? { protection: 'yes', text: all }
    : { protection: 'not-yet', text: `${all}, but that will not last` };
}

function describePublication({ catalog, now }: SiteFacts): HtmlValue {
  if (catalog === undefined) return 'The workers have not said yet what the backup folder holds.';
  return html`As the workers saw the backup folder ${renderAge(catalog.publishedAt, now)}.`;
}

function renderSaid({ isRefusal, text, job }: Said): Html {
  return html`<p class="${isRefusal ? 'said no' : 'said'}" role="status">
    ${text}${job === undefined ? undefined : html` <a href="${jobPath(job.queue, job.id)}">See its job</a>`}
  </p>`;
}

const SEVERITIES: Readonly<Record<Severity, number>> = { critical: 0, error: 1, warning: 2, info: 3 };

function gravestAlarmFirst(alarms: readonly AlarmRecord[], jobs: readonly ShownJob[]): readonly ShownAlarm[] {
  const gravity = ({ alarm }: ShownAlarm): number => SEVERITIES[alarm.notification.severity];
  return showAlarms(alarms, jobs).toSorted((a, b) => gravity(a) - gravity(b));
}

function renderAlarm({ alarm, job }: ShownAlarm, now: Date): Html {
  const { severity, title, happened, hint } = alarm.notification;
  const link = linkTo(job);
  return html`<li class="${severity === 'warning' ? 'not-yet' : 'no'}">
    <p><strong>${title}</strong> <span class="muted">${renderAge(alarm.raisedAt, now)}</span></p>
    <p>${capital(happened)}</p>
    <p class="muted">${hint}${link}</p>
  </li>`;
}

function linkTo(job: ShownJob | undefined): HtmlValue {
  if (job === undefined) return undefined;
  const begun = job.begun > 1 ? html` Begun ${job.begun} times in all.` : undefined;
  return html`${begun} <a href="${jobPath(job.queue, job.id)}">See its job</a>`;
}

function renderNotice({ isGrave, text, hint, job }: Notice): Html {
  const link = linkTo(job);
  return html`<li class="${isGrave ? 'no' : 'not-yet'}">
    <p>${text}</p>
    ${hint === undefined && link === undefined ? undefined : html`<p class="muted">${hint}${link}</p>`}
  </li>`;
}

function renderDatabase(status: DatabaseStatus, index: number, options: StatusPageOptions): Html {
  const { database, protection, reasons, health, known } = status;
  const { facts, destination } = options;
  const id = `db-${index}`;
  const dumps = known?.dumps ?? [];
  const isOpen = protection !== 'yes' || options.status.databases.length <= MOST_UNFOLDED;
  const newest = health.newestConfirmed?.dump;
  return html`<details class="database" id="${id}" ${isOpen ? html` open` : undefined}>
    <summary>
      <h3>${database}</h3>
      <span class="badge ${protection}">${BADGES[protection]}</span>
      <span class="age"
        >${newest === undefined ? 'no backup yet' : html`newest backup ${renderAge(newest.takenAt, facts.now)}`}</span
      >
    </summary>
    <div class="inside">
      ${renderSentences('Why it is not protected', reasons)}${renderSentences('What is to be seen to', health.warnings)}
      <div class="columns">
        <dl class="stage">${renderStages(status, options)}</dl>
        ${dumps.length === 0 ? html`<p class="muted">Its backups will be drawn here.</p>` : drawTimeline(id, database, dumps, destination)}
      </div>
      <div class="actions">
        ${renderForm('./dump', 'Back up now', database, options.token)}${dumps.length === 0 ? undefined : renderForm('./restore-test', 'Test restore now', database, options.token)}${renderRunning(database, options.jobs)}
      </div>
      ${dumps.length === 0 ? undefined : renderList(dumps, facts.now, destination)}
    </div>
  </details> `;
}

function renderSentences(label: string, sentences: readonly string[]): HtmlValue {
  if (sentences.length === 0) return undefined;
  return html`<ul class="why" aria-label="${label}">
    ${sentences.map((sentence) => html`<li>${capital(sentence)}</li>`)}
  </ul>`;
}

function renderStages({ database, health, known }: DatabaseStatus, { facts, destination }: StatusPageOptions): Html {
  const { now } = facts;
  const newest = health.newest?.dump;
  const confirmed = health.newestConfirmed?.dump;
  const confirmedAt = confirmed?.receipts.find((receipt) => receipt.destination === destination?.name)?.confirmedAt;
  const test = lastRestoreTest((known?.dumps ?? []).flatMap(({ restoreTests }) => restoreTests));
  const nextRun = facts.nextRuns.get(database);
  const rows = newest?.rows;
  return html`<dt>Last dump</dt>
    <dd>
      ${newest === undefined ? 'never' : html`${renderAge(newest.takenAt, now)}, ${prettyBytes(newest.bytes)}${rows === undefined ? undefined : html`, ${rows.toLocaleString('en')} rows`}${isSuspect(recallDump(newest)) ? html`, <span class="not-yet">suspect</span>` : undefined}`}
    </dd>
    <dt>Last upload</dt>
    <dd>
      ${destination === undefined ? 'backups stay in the folder' : confirmedAt === undefined ? html`<span class="no">never</span>` : html`${renderAge(confirmedAt, now)}, to ${destination.name}`}
    </dd>
    <dt>Restore test</dt>
    <dd>
      ${test === undefined ? 'never' : html`${renderTestResult(test.result)}, ${renderAge(test.testedAt, now)}${test.restoreMs === undefined ? undefined : `, in ${describeDuration(test.restoreMs)}`}${test.result !== 'could-not-tell' || health.lastVerdict === undefined ? undefined : html`; last verdict ${renderAge(health.lastVerdict.testedAt, now)}`}`}
    </dd>
    <dt>Next run</dt>
    <dd>
      ${nextRun === undefined ? html`<span class="no">none is planned</span>` : renderAge(nextRun.toISOString(), now)}
    </dd>
    <dt>Kept</dt>
    <dd>${renderKept(known)}</dd>`;
}

function renderKept(known: DatabaseStatus['known']): HtmlValue {
  if (known === undefined) return 'nothing';
  const { count, bytes, uploaded, notUploaded } = known;
  const waiting =
    notUploaded.count === 0 ? undefined : html`, <span class="no">${notUploaded.count} not uploaded</span>`;
  return html`${count} in the folder
  (${prettyBytes(bytes)})${uploaded.map((place) => `, ${place.count} at ${place.destination}`)}${waiting}`;
}

function renderTestResult(result: PublishedDump['restoreTests'][number]['result']): Html {
  if (result === 'good') return html`<span class="yes">✓ good</span>`;
  return result === 'bad' ? html`<span class="no">✗ BAD</span>` : html`<span class="not-yet">could not tell</span>`;
}

function renderRunning(database: string, jobs: readonly ShownJob[]): HtmlValue {
  return jobs
    .filter((job) => job.state === 'running' && job.database === database)
    .map(({ queue, id, percent }) => {
      const what = { dump: 'Dump', upload: 'Upload', verify: 'Restore test' }[queue];
      return html`<span class="muted"
        ><a href="${jobPath(queue, id)}">${what}</a> is
        running${percent === undefined ? undefined : `, ${Math.round(percent)} %`}</span
      >`;
    });
}

function renderForm(action: string, label: string, database: string, token: string): Html {
  return html`<form method="post" action="${action}">
    <input type="hidden" name="token" value="${token}" /><input
      type="hidden"
      name="database"
      value="${database}"
    /><button aria-label="${label}: ${database}">${label}</button>
  </form>`;
}

/** The last backups in words, for whom the picture says nothing, and with a link to each job. */
function renderList(dumps: readonly PublishedDump[], now: Date, destination: DestinationPlace | undefined): Html {
  const shown = dumps.slice(-MOST_LISTED).toReversed();
  return html`<details class="list">
    <summary>The last ${shown.length === 1 ? 'backup' : `${shown.length} backups`}</summary>
    <div class="scroll" tabindex="0" role="region" aria-label="The last backups">
      <table>
        <thead>
          <tr>
            <th scope="col">Taken</th>
            <th scope="col" class="number">Size</th>
            <th scope="col" class="number">Rows</th>
            <th scope="col" class="number">Took</th>
            <th scope="col">Upload</th>
            <th scope="col">Restore test</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map((dump) => renderListed(dump, now, destination))}
        </tbody>
      </table>
    </div>
  </details>`;
}

function renderListed(dump: PublishedDump, now: Date, destination: DestinationPlace | undefined): Html {
  const { upload } = stagesOf(dump, destination);
  const test = decisiveRestoreTest(recallDump(dump));
  const uploadText = { good: 'confirmed', none: 'not yet', bad: '', unknown: '', 'not-wanted': '' }[upload];
  return html`<tr>
    <td>${renderAge(dump.takenAt, now)}</td>
    <td class="number">
      ${prettyBytes(dump.bytes)}${isSuspect(recallDump(dump)) ? html` <span class="not-yet">suspect</span>` : undefined}
    </td>
    <td class="number">${dump.rows?.toLocaleString('en')}</td>
    <td class="number">${dump.durationMs === undefined ? undefined : describeDuration(dump.durationMs)}</td>
    <td>
      ${
        destination === undefined
          ? 'local'
          : html`<a href="${jobPath('upload', uploadJobId(dump.name, destination.name))}">${uploadText}</a>`
      }
    </td>
    <td>
      ${test === undefined ? undefined : html`<a href="${jobPath('verify', verifyJobId(dump.name, test.destination))}">${test.result.replaceAll('-', ' ')}</a>`}
    </td>
  </tr>`;
}

function renderPlaces(
  { databases, folder }: PublishedCatalog,
  status: SiteStatus,
  destination: DestinationPlace | undefined,
): Html {
  const places = new Map<string, { count: number; bytes: number }>();
  const add = (place: string, count: number, bytes: number): void => {
    const known = places.get(place) ?? { count: 0, bytes: 0 };
    places.set(place, { count: known.count + count, bytes: known.bytes + bytes });
  };
  add(LOCAL, 0, 0);
  if (destination !== undefined) add(destination.name, 0, 0);
  for (const { count, bytes, uploaded } of databases) {
    add(LOCAL, count, bytes);
    for (const place of uploaded) add(place.destination, place.count, place.bytes);
  }
  const others = databases.filter(({ database }) => !status.databases.some((each) => each.database === database));
  return html`<section aria-labelledby="places">
    <h2 id="places">Where backups lie</h2>
    <div class="card">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Place</th>
              <th scope="col" class="number">Backups</th>
              <th scope="col" class="number">Size</th>
            </tr>
          </thead>
          <tbody>
            ${Array.from(
              places,
              ([place, { count, bytes }]) =>
                html`<tr>
                  <td>
                    ${place === LOCAL ? 'backup folder' : place === destination?.name ? html`${place}, bucket ${destination.bucket}` : place}
                  </td>
                  <td class="number">${count.toLocaleString('en')}</td>
                  <td class="number">${prettyBytes(bytes)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p class="muted">
        ${prettyBytes(folder.freeBytes)} of ${prettyBytes(folder.totalBytes)} are free on the folder’s disk. Of a
        destination, those count that lie in the folder as well.
      </p>
      ${others.length === 0 ? undefined : html`<p class="muted">Also in the folder, and not configured any more: ${others.map(({ database, count }, index) => html`${index === 0 ? undefined : ', '}${database} (${count})`)}</p>`}
    </div>
  </section>`;
}

function renderAge(time: string, now: Date): Html {
  const ms = now.getTime() - Date.parse(time);
  const text = ms < -1000 ? `in ${describeDuration(-ms)}` : ms < 1000 ? 'now' : `${describeDuration(ms)} ago`;
  return html`<time datetime="${time}" title="${time.slice(0, 19).replace('T', ' ')} UTC">${text}</time>`;
}

function jobPath(queue: QueueName, id: string): string {
  return `.${BOARD_PATH}/queue/${queue}/${encodeURIComponent(id)}`;
}
