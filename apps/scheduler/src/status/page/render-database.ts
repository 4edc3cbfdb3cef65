import { formatTarget } from '@pgstow/shared/contract/target.ts';
import type { Protection } from '../../site/protection-policy.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import type { SiteDatabase } from '../../site/site-status.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { jobPath } from './job-path.ts';
import { capital } from './notices.ts';
import { renderAge } from './render-age.ts';
import { renderStages } from './render-stages.ts';
import type { StatusPageOptions } from './status-page-options.ts';
import { drawTimeline } from './timeline.ts';
import { viewPath } from './view-path.ts';

const BADGES: Readonly<Record<Protection, string>> = {
  yes: 'Protected',
  'not-yet': 'Not yet protected',
  no: 'Not protected',
};

/** Renders one database: whether it is protected, its stages, its last backups and its buttons. */
export function renderDatabase(status: SiteDatabase, index: number, options: StatusPageOptions): Html {
  const { database, reasons, health, known, on } = status;
  const { view } = options;
  const name = nameOf(status);
  const id = `db-${index}`;
  const dumps = known?.dumps ?? [];
  return html`<section class="database" aria-label="${name}">
    <header>${'database' in view ? html`<h1>${name}</h1>` : html`<h3>${name}</h3>`} ${renderState(status)}</header>
    <div class="inside">
      ${renderSentences('Why it is not protected', reasons)}${renderSentences('What to see to', health.warnings)}
      <div class="columns">
        <dl class="stage">${renderStages(status)}</dl>
        ${dumps.length === 0 ? html`<p class="muted">Its backups will be drawn here.</p>` : drawTimeline(id, name, dumps, on.destinations)}
      </div>
      <div class="actions">
        ${renderForm('./dump', 'Back up now', status, options)}${dumps.length === 0 ? undefined : renderForm('./restore-test', 'Test restore now', status, options)}${renderRunning(status, options.jobs)}${dumps.length === 0 || 'database' in view ? undefined : html`<a class="more" href="${viewPath({ server: on.server, database })}">Its last backups</a>`}
      </div>
    </div>
  </section> `;
}

/** The name of a database with that of its server. */
function nameOf({ on, database }: SiteDatabase): string {
  return formatTarget({ server: on.server, database });
}

/** Renders one database in a line, with a link to all of it. */
export function renderDatabaseLine(status: SiteDatabase): Html {
  const [reason] = [...status.reasons, ...status.health.warnings];
  return html`<li>
    <a href="${viewPath({ server: status.on.server, database: status.database })}">${nameOf(status)}</a>
    ${renderState(status)}${reason === undefined ? undefined : html`<p class="muted">${capital(shorten(reason))}</p>`}
  </li>`;
}

function renderState({ protection, health, facts }: SiteDatabase): Html {
  const newest = health.newestConfirmed?.dump;
  return html`<span class="badge ${protection}">${BADGES[protection]}</span>
    <span class="age"
      >${newest === undefined ? 'no backup yet' : html`newest backup ${renderAge(newest.takenAt, facts.now)}`}</span
    >`;
}

const LONGEST_REASON = 150;

function shorten(sentence: string): string {
  return sentence.length <= LONGEST_REASON ? sentence : `${sentence.slice(0, LONGEST_REASON).toWellFormed()} …`;
}

function renderSentences(label: string, sentences: readonly string[]): HtmlValue {
  if (sentences.length === 0) return undefined;
  return html`<ul class="why" aria-label="${label}">
    ${sentences.map((sentence) => html`<li>${capital(sentence)}</li>`)}
  </ul>`;
}

function renderForm(action: string, label: string, status: SiteDatabase, { token, view }: StatusPageOptions): Html {
  const { on, database } = status;
  return html`<form method="post" action="${action}">
    <input type="hidden" name="token" value="${token}" /><input
      type="hidden"
      name="database"
      value="${database}"
    />${on.server === undefined ? undefined : html`<input type="hidden" name="server" value="${on.server}" />`}${'database' in view ? html`<input type="hidden" name="view" value="database" />` : undefined}<button
      aria-label="${label}: ${nameOf(status)}"
    >
      ${label}
    </button>
  </form>`;
}

function renderRunning({ on, database }: SiteDatabase, jobs: readonly ShownJob[]): HtmlValue {
  return jobs
    .filter((job) => job.state === 'running' && job.server === on.server && job.database === database)
    .map(({ queue, id, percent }) => {
      const what = { dump: 'Dump', upload: 'Upload', verify: 'Restore test' }[queue];
      return html`<span class="muted"
        ><a href="${jobPath(queue, id)}">${what}</a> is
        running${percent === undefined ? undefined : `, ${Math.round(percent)} %`}</span
      >`;
    });
}
