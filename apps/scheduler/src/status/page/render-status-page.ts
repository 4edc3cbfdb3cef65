import { formatTarget, type Target } from '@pgstow/shared/contract/target.ts';
import type { Protection } from '../../site/protection-policy.ts';
import type { ServerFacts } from '../../site/read-site.ts';
import type { SiteStatus } from '../../site/site-status.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { jobPath } from './job-path.ts';
import { renderAge } from './render-age.ts';
import { renderAlarms, renderNotices } from './render-attention.ts';
import { renderBackupList } from './render-backup-list.ts';
import { renderDatabase } from './render-database.ts';
import { renderDatabases } from './render-databases.ts';
import { renderDocument } from './render-document.ts';
import { renderPlaces } from './render-places.ts';
import type { Said, StatusPageOptions } from './status-page-options.ts';
import { viewPath } from './view-path.ts';

const REFRESH_SECONDS = 10;

/** Renders the whole status page: HTML with a picture for each database, without a script. */
export function renderStatusPage(options: StatusPageOptions): string {
  const { view, site, publicPath, status, jobs } = options;
  const isBusy =
    jobs.some(({ state }) => state === 'running') || status.servers.some(({ facts }) => facts.dumping.size > 0);
  return renderDocument({
    title: 'database' in view ? formatTarget(view) : describeSite(status).text,
    // What is under way changes soon. A reload keeps the place that a person has scrolled to, and there is nothing else to keep.
    head: isBusy ? html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}; url=${viewPath(view)}" />` : undefined,
    site,
    publicPath,
    main: 'database' in view ? renderOne(view, options) : renderAll(options, view.from),
  });
}

function renderAll(options: StatusPageOptions, from: number): Html {
  const { site, status, said } = options;
  const verdict = describeSite(status);
  return html`<h1>
      <span class="${verdict.protection}" aria-hidden="true">${SIGNS[verdict.protection]}</span> ${verdict.text}
    </h1>
    ${status.servers.map((each) => html`<p class="muted">${describePublication(each)}</p>`)}
    ${said === undefined ? undefined : renderSaid(said)}
    ${
      // People have been notified of these.
      renderAlarms(options)
    }
    ${
      // These stand on the page alone.
      renderNotices(options)
    }
    ${renderDatabases(options, from)} ${status.servers.map((each) => renderPlaces(each, status.gone))}
    <footer>
      pgstow ${options.version}${site === 'default' ? undefined : `, site ${site}`}. All times are in UTC.
      <a href="./healthz">Health</a> · <a href="./metrics">Metrics</a>
      ${options.hasOtherSites ? html`· <a href="./sites">All sites</a>` : undefined}
    </footer>`;
}

function renderOne({ server, database }: Target, options: StatusPageOptions): Html {
  const { status, said } = options;
  const one = status.databases.find((each) => each.on.server === server && each.database === database);
  return html`<p class="back"><a href="./">All databases</a></p>
    ${one === undefined ? undefined : html`<p class="muted">${describePublication(one)}</p>`}
    ${said === undefined ? undefined : renderSaid(said)}
    ${one === undefined ? undefined : renderDatabase(one, 0, options)}
    ${one?.known === undefined ? undefined : renderBackupList(one.known, one)}`;
}

const SIGNS: Readonly<Record<Protection, string>> = { yes: '✓', 'not-yet': '…', no: '✗' };

function describeSite({ databases, faults, namedFaults }: SiteStatus): {
  readonly protection: Protection;
  readonly text: string;
} {
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
  return faults.length + namedFaults.length === 0
    ? { protection: 'yes', text: all }
    : { protection: 'not-yet', text: `${all}, but that will not last` };
}

function describePublication({ on, facts: { catalog, now } }: ServerFacts): HtmlValue {
  const of = on.server === undefined ? '' : ` of ${on.server}`;
  if (catalog === undefined) return `No worker has published the backup folder${of} yet.`;
  return html`The workers last read the backup folder${of} ${renderAge(catalog.publishedAt, now)}.`;
}

function renderSaid({ isRefusal, text, job }: Said): Html {
  return html`<p class="${isRefusal ? 'said no' : 'said'}" role="status">
    ${text}${job === undefined ? undefined : html` <a href="${jobPath(job.queue, job.id)}">See its job</a>`}
  </p>`;
}
