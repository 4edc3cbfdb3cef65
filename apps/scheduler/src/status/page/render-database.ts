import type { Protection, DatabaseStatus } from '../../site/protection-policy.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
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
export function renderDatabase(status: DatabaseStatus, index: number, options: StatusPageOptions): Html {
  const { database, reasons, health, known } = status;
  const { destinations, view } = options;
  const id = `db-${index}`;
  const dumps = known?.dumps ?? [];
  return html`<section class="database" aria-label="${database}">
    <header>
      ${'database' in view ? html`<h1>${database}</h1>` : html`<h3>${database}</h3>`} ${renderState(status, options)}
    </header>
    <div class="inside">
      ${renderSentences('Why it is not protected', reasons)}${renderSentences('What to see to', health.warnings)}
      <div class="columns">
        <dl class="stage">${renderStages(status, options)}</dl>
        ${dumps.length === 0 ? html`<p class="muted">Its backups will be drawn here.</p>` : drawTimeline(id, database, dumps, destinations)}
      </div>
      <div class="actions">
        ${renderForm('./dump', 'Back up now', database, options)}${dumps.length === 0 ? undefined : renderForm('./restore-test', 'Test restore now', database, options)}${renderRunning(database, options.jobs)}${dumps.length === 0 || 'database' in view ? undefined : html`<a class="more" href="${viewPath({ database })}">Its last backups</a>`}
      </div>
    </div>
  </section> `;
}

/** Renders one database in a line, with a link to all of it. */
export function renderDatabaseLine(status: DatabaseStatus, options: StatusPageOptions): Html {
  const [reason] = [...status.reasons, ...status.health.warnings];
  return html`<li>
    <a href="${viewPath({ database: status.database })}">${status.database}</a>
    ${renderState(status, options)}${reason === undefined ? undefined : html`<p class="muted">${capital(shorten(reason))}</p>`}
  </li>`;
}

function renderState({ protection, health }: DatabaseStatus, { facts }: StatusPageOptions): Html {
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

function renderForm(action: string, label: string, database: string, { token, view }: StatusPageOptions): Html {
  return html`<form method="post" action="${action}">
    <input type="hidden" name="token" value="${token}" /><input
      type="hidden"
      name="database"
      value="${database}"
    />${'database' in view ? html`<input type="hidden" name="view" value="database" />` : undefined}<button
      aria-label="${label}: ${database}"
    >
      ${label}
    </button>
  </form>`;
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
