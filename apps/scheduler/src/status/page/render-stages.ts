import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { lastRestoreTest } from '@pgstow/catalog/policy/last-restore-test.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import { nameAll } from '@pgstow/shared/contract/destination.ts';
import type { PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import prettyBytes from 'pretty-bytes';
import type { DatabaseStatus } from '../../site/protection-policy.ts';
import type { SiteDatabase } from '../../site/site-status.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { renderAge } from './render-age.ts';

/** Renders how far the newest backup of a database got, and what comes next. */
export function renderStages({ database, health, known, on, facts }: SiteDatabase): Html {
  const { now } = facts;
  const { destinations } = on;
  const newest = health.newest?.dump;
  const confirmed = health.newestConfirmed?.dump;
  // It is confirmed once the last of them has.
  const confirmedAt = confirmed?.receipts
    .filter((receipt) => destinations.some(({ name }) => name === receipt.destination))
    .map((receipt) => receipt.confirmedAt)
    .sort()
    .at(-1);
  const test = lastRestoreTest((known?.dumps ?? []).flatMap(({ restoreTests }) => restoreTests));
  const nextRun = facts.nextRuns.get(database);
  const rows = newest?.rows;
  return html`<dt>Last dump</dt>
    <dd>
      ${newest === undefined ? 'never' : html`${renderAge(newest.takenAt, now)}, ${prettyBytes(newest.bytes)}${rows === undefined ? undefined : html`, ${rows.toLocaleString('en')} rows`}${isSuspect(recallDump(newest)) ? html`, <span class="not-yet">suspect</span>` : undefined}`}
    </dd>
    <dt>Last upload</dt>
    <dd>
      ${destinations.length === 0 ? 'backups stay in the folder' : confirmedAt === undefined ? html`<span class="no">never</span>` : html`${renderAge(confirmedAt, now)}, to ${nameAll(destinations)}`}
    </dd>
    <dt>Restore test</dt>
    <dd>
      ${test === undefined ? 'never' : html`${renderTestResult(test.result)}${test.acceptedAt === undefined ? undefined : ', but for what was accepted'}, ${renderAge(test.testedAt, now)}${test.restoreMs === undefined ? undefined : `, in ${describeDuration(test.restoreMs)}`}${test.result !== 'could-not-tell' || health.lastVerdict === undefined ? undefined : html`; last verdict ${renderAge(health.lastVerdict.testedAt, now)}`}`}
    </dd>
    ${
      test?.rehearsal === undefined
        ? undefined
        : html`<dt>Rehearsal</dt>
            <dd>${test.rehearsal}</dd>`
    }
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
