import { describeCopies, judgeCopies } from '@pgstow/catalog/policy/copies-policy.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import prettyBytes from 'pretty-bytes';
import type { ServerFacts } from '../../site/read-site.ts';
import type { GoneDatabase } from '../../site/site-status.ts';
import { html, type HtmlValue } from './html.ts';

const MOST_NAMED = 20;

/** Renders how many backups of all databases of a server lie in its folder and at each destination. */
export function renderPlaces({ on, facts }: ServerFacts, gone: readonly GoneDatabase[]): HtmlValue {
  if (facts.catalog === undefined) return undefined;
  const { databases, folder } = facts.catalog;
  const { destinations } = on;
  const id = on.server === undefined ? 'places' : `places-of-${on.server}`;
  const copies = describeCopies(
    databases
      .filter(({ database }) => facts.targets.includes(database))
      .map(({ database, dumps }) => ({
        shown: formatTarget({ server: on.server, database }),
        copies: judgeCopies(dumps.map(recallDump), destinations, facts.now),
      })),
  );
  const places = new Map<string, { count: number; bytes: number }>();
  const add = (place: string, count: number, bytes: number): void => {
    const known = places.get(place) ?? { count: 0, bytes: 0 };
    places.set(place, { count: known.count + count, bytes: known.bytes + bytes });
  };
  add(LOCAL, 0, 0);
  for (const { name } of destinations) add(name, 0, 0);
  for (const { count, bytes, uploaded } of databases) {
    add(LOCAL, count, bytes);
    for (const place of uploaded) add(place.destination, place.count, place.bytes);
  }
  const configured = new Set([
    ...facts.targets,
    ...gone.filter((each) => each.on === on).map(({ database }) => database),
  ]);
  const others = databases.filter(({ database }) => !configured.has(database));
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">Where backups${on.server === undefined ? undefined : ` of ${on.server}`} lie</h2>
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
                  <td>${describePlace(place, destinations)}</td>
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
      ${copies.map((sentence) => html`<p class="muted">${sentence}.</p>`)}
      ${others.length === 0 ? undefined : html`<p class="muted">Also in the folder, and not configured any more: ${others.slice(0, MOST_NAMED).map(({ database, count }, index) => html`${index === 0 ? undefined : ', '}${database} (${count})`)}${others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : undefined}</p>`}
    </div>
  </section>`;
}

function describePlace(place: string, destinations: readonly Destination[]): string {
  if (place === LOCAL) return 'backup folder';
  const destination = destinations.find(({ name }) => name === place);
  if (destination === undefined) return place;
  return 'folder' in destination ? `${place}, folder ${destination.folder}` : `${place}, bucket ${destination.bucket}`;
}
