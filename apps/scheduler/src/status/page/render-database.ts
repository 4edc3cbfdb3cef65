import type { DatabaseStatus, Protection } from '../../site/protection-policy.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { jobPath } from './job-path.ts';
import { capital } from './notices.ts';
import { renderAge } from './render-age.ts';
import { renderBackupList } from './render-backup-list.ts';
import { renderStages } from './render-stages.ts';
import type { StatusPageOptions } from './status-page-options.ts';
import { drawTimeline } from './timeline.ts';

/** Most databases that are all shown open; of more, the protected ones are folded. */
const MOST_UNFOLDED = 6;

const BADGES: Readonly<Record<Protection, string>> = {
  yes: 'Protected',
  'not-yet': 'Not yet protected',
  no: 'Not protected',
};

/** Renders one database: whether it is protected, its stages, its last backups and its buttons. */
export function renderDatabase(status: DatabaseStatus, index: number, options: StatusPageOptions): Html {
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
      ${renderSentences('Why it is not protected', reasons)}${renderSentences('What to see to', health.warnings)}
      <div class="columns">
        <dl class="stage">${renderStages(status, options)}</dl>
        ${dumps.length === 0 ? html`<p class="muted">Its backups will be drawn here.</p>` : drawTimeline(id, database, dumps, destination)}
      </div>
      <div class="actions">
        ${renderForm('./dump', 'Back up now', database, options.token)}${dumps.length === 0 ? undefined : renderForm('./restore-test', 'Test restore now', database, options.token)}${renderRunning(database, options.jobs)}
      </div>
      ${dumps.length === 0 ? undefined : renderBackupList(dumps, facts.now, destination)}
    </div>
  </details> `;
}

function renderSentences(label: string, sentences: readonly string[]): HtmlValue {
  if (sentences.length === 0) return undefined;
  return html`<ul class="why" aria-label="${label}">
    ${sentences.map((sentence) => html`<li>${capital(sentence)}</li>`)}
  </ul>`;
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
