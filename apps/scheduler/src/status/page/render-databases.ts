import { formatTarget } from '@pgstow/shared/contract/target.ts';
import type { Protection } from '../../site/protection-policy.ts';
import type { GoneDatabase, SiteDatabase } from '../../site/site-status.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { renderAge } from './render-age.ts';
import { renderDatabase, renderDatabaseLine } from './render-database.ts';
import type { StatusPageOptions } from './status-page-options.ts';
import { viewPath } from './view-path.ts';

/** Most databases of which each is shown whole. */
const MOST_WHOLE = 6;
/** Databases that are shown whole where there are more: the gravest that are not protected. */
const WHOLE_OF_MANY = 3;
/** Databases that one page has in a line each. */
const MOST_LINES = 100;

/** Renders all databases, the gravest first: a few whole, of many the others in a line each, and of very many in pages. */
export function renderDatabases(options: StatusPageOptions, from: number): Html {
  const databases = gravestFirst(options.status.databases);
  const whole =
    databases.length <= MOST_WHOLE
      ? databases
      : databases.filter(({ protection }) => protection !== 'yes').slice(0, WHOLE_OF_MANY);
  const others = databases.slice(whole.length);
  const shown = others.slice(from, from + MOST_LINES);
  return html`<section aria-labelledby="databases">
    <h2 id="databases">Databases</h2>
    ${from === 0 ? whole.map((each, index) => renderDatabase(each, index, options)) : undefined}
    ${
      shown.length === 0
        ? undefined
        : html`<ul class="lines">
            ${shown.map((each) => renderDatabaseLine(each))}
          </ul>`
    }
    ${renderPages(from, others.length)} ${from === 0 ? renderGone(options) : undefined}
  </section>`;
}

function renderPages(from: number, count: number): HtmlValue {
  const [before, next] = [Math.max(0, from - MOST_LINES), from + MOST_LINES];
  const links = [
    from === 0 ? undefined : html`<a href="${viewPath({ from: before })}">those before</a>`,
    next >= count ? undefined : html`<a href="${viewPath({ from: next })}">and ${count - next} more</a>`,
  ].filter((link) => link !== undefined);
  return links.length === 0 ? undefined : html`<nav class="pages" aria-label="More databases">${links}</nav>`;
}

/** Gone databases that are named. */
const MOST_GONE = 50;

/** Renders the databases that are gone from the server, with what is kept of them. */
function renderGone({ status }: StatusPageOptions): HtmlValue {
  const keptOf = ({ facts, database }: GoneDatabase): number =>
    facts.catalog?.databases.find((each) => each.database === database)?.count ?? 0;
  // What was released since is forgotten by the next look at the server.
  const gone = status.gone.filter((each) => keptOf(each) > 0);
  if (gone.length === 0) return undefined;
  return html`<h3>Gone from the server</h3>
    <ul class="lines">
      ${gone.slice(0, MOST_GONE).map(
        (each) =>
          html`<li>
            ${formatTarget({ server: each.on.server, database: each.database })}
            <p class="muted">
              ${each.renamedTo === undefined ? 'Missed' : html`Renamed to ${each.renamedTo}, first seen so`}
              ${renderAge(each.goneSince ?? '', each.facts.now)}. What is kept of it, ${keptOf(each)} in the folder,
              stays until
              <code>pgstow release</code>.
            </p>
          </li>`,
      )}
    </ul>
    ${gone.length > MOST_GONE ? html`<p class="muted">and ${gone.length - MOST_GONE} more</p>` : undefined}`;
}

const GRAVITY: Readonly<Record<Protection, number>> = { no: 0, 'not-yet': 1, yes: 2 };

function gravestFirst(databases: readonly SiteDatabase[]): readonly SiteDatabase[] {
  return databases.toSorted((a, b) => GRAVITY[a.protection] - GRAVITY[b.protection]);
}
