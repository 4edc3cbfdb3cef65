import { decisiveRestoreTest } from '@pgstow/catalog/policy/decisive-restore-test.ts';
import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { isConfirmed, isSettled } from '@pgstow/catalog/policy/is-confirmed.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import { uploadJobId, verifyJobId } from '@pgstow/shared/contract/jobs.ts';
import type { PublishedDatabase, PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import prettyBytes from 'pretty-bytes';
import type { ServerFacts } from '../../site/read-site.ts';
import { html, type Html } from './html.ts';
import { jobPath } from './job-path.ts';
import { renderAge } from './render-age.ts';

/** Lists the published backups of a database in words, newest first, with a link to each job. */
export function renderBackupList({ database, dumps, count }: PublishedDatabase, of: ServerFacts): Html {
  const shown = dumps.toReversed();
  return html`<section class="list" aria-labelledby="backups">
    <h2 id="backups">Its last ${shown.length === 1 ? 'backup' : `${shown.length} backups`}</h2>
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
          ${shown.map((dump) => renderListed(dump, of))}
        </tbody>
      </table>
    </div>
    ${count > shown.length ? html`<p class="muted">${count} are in the folder: pgstow list ${formatTarget({ server: of.on.server, database })} shows all.</p>` : undefined}
  </section>`;
}

function renderListed(dump: PublishedDump, { on: { server, destinations }, facts: { now } }: ServerFacts): Html {
  const test = decisiveRestoreTest(recallDump(dump));
  return html`<tr>
    <td>${renderAge(dump.takenAt, now)}</td>
    <td class="number">
      ${prettyBytes(dump.bytes)}${isSuspect(recallDump(dump)) ? html` <span class="not-yet">suspect</span>` : undefined}${dump.pinnedAt === undefined ? undefined : html` <span class="muted">pinned</span>`}
    </td>
    <td class="number">${dump.rows?.toLocaleString('en')}</td>
    <td class="number">${dump.durationMs === undefined ? undefined : describeDuration(dump.durationMs)}</td>
    <td>
      ${
        destinations.length === 0
          ? 'local'
          : destinations.map((destination, index) => {
              const recalled = recallDump(dump);
              const isLacking = isSettled(recalled, destination) ? 'deleted there' : 'not yet';
              const text = isConfirmed(recalled, destination) ? 'confirmed' : isLacking;
              return html`${index === 0 ? undefined : ', '}<a
                  href="${jobPath('upload', uploadJobId(dump.name, destination.name, server))}"
                  >${destinations.length === 1 ? text : `${destination.name} ${text}`}</a
                >`;
            })
      }
    </td>
    <td>
      ${test === undefined ? undefined : html`<a href="${jobPath('verify', verifyJobId(dump.name, test.destination, server))}">${test.result.replaceAll('-', ' ')}</a>`}
    </td>
  </tr>`;
}
