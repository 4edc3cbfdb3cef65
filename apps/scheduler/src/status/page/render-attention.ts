import type { AlarmRecord } from '@pgstow/notify/alarms/alarm-record.ts';
import type { Severity } from '@pgstow/notify/notification.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { jobPath } from './job-path.ts';
import { capital, collectNotices, showAlarms, type Notice, type ShownAlarm } from './notices.ts';
import { renderAge } from './render-age.ts';
import type { StatusPageOptions } from './status-page-options.ts';

/** Alarms or notices that are shown, the gravest ones: what goes wrong with hundreds of databases has one cause. */
const MOST = 20;

/** Renders the standing alarms, the gravest first. */
export function renderAlarms({ alarms, jobs }: StatusPageOptions): HtmlValue {
  if (alarms.length === 0) return undefined;
  const now = new Date();
  return html`<section aria-labelledby="alarms">
    <h2 id="alarms">Alarms</h2>
    <ul class="notices">
      ${gravestAlarmFirst(alarms, jobs)
        .slice(0, MOST)
        .map((each) => renderAlarm(each, now))}${renderMore(alarms.length)}
    </ul>
  </section>`;
}

/** Renders what else a person should see to. */
export function renderNotices({ status, alarms, jobs }: StatusPageOptions): HtmlValue {
  const notices = collectNotices(status, jobs, alarms, new Date());
  if (notices.length === 0) return undefined;
  return html`<section aria-labelledby="attention">
    <h2 id="attention">What needs attention</h2>
    <ul class="notices">
      ${notices.slice(0, MOST).map(renderNotice)}${renderMore(notices.length)}
    </ul>
  </section>`;
}

function renderMore(count: number): HtmlValue {
  return count > MOST ? html`<li><p>and ${count - MOST} more</p></li>` : undefined;
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
