import { judgeSiteSummary } from '@pgstow/catalog/policy/site-summary-policy.ts';
import type { KnownSite } from '@pgstow/shared/contract/site-summary.ts';
import { html, type Html } from './html.ts';
import { renderAge } from './render-age.ts';
import { renderDocument } from './render-document.ts';

export type SitesPageOptions = {
  readonly site: string;
  readonly publicPath: string;
  /** Every site that Redis knows, by name. */
  readonly sites: readonly KnownSite[];
  readonly now: Date;
};

const REFRESH_SECONDS = 60;

/** Renders a page over all sites of one Redis, as each one's scheduler summed it up. */
export function renderSites({ site, publicPath, sites, now }: SitesPageOptions): string {
  const judged = sites.map((known) => ({ known, health: judgeSiteSummary(known) }));
  const ill = judged.filter(({ health }) => !health.isHealthy);
  const title =
    ill.length === 0 ? `All ${sites.length} sites are well` : `${ill.length} of ${sites.length} sites not well`;
  return renderDocument({
    title,
    head: html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}" />`,
    site,
    publicPath,
    main: html`<p class="back"><a href="./">This site’s databases</a></p>
      <h1>
        <span class="${ill.length === 0 ? 'yes' : 'no'}" aria-hidden="true">${ill.length === 0 ? '✓' : '✗'}</span>
        ${title}
      </h1>
      <p class="muted">Each site’s scheduler writes how it stands each minute. Its own page says more.</p>
      ${judged.map(({ known, health: { isHealthy, reasons } }) => renderOne(known, isHealthy, reasons, now))}`,
  });
}

function renderOne(known: KnownSite, isHealthy: boolean, reasons: readonly string[], now: Date): Html {
  return html`<section class="database" aria-labelledby="site-${known.site}">
    <h2 id="site-${known.site}">
      <span class="${isHealthy ? 'yes' : 'no'}" aria-hidden="true">${isHealthy ? '✓' : '✗'}</span> ${known.site}
      <span class="muted">${isHealthy ? 'well' : 'not well'}</span>
    </h2>
    ${'summary' in known ? renderSummary(known, now) : undefined}
    ${
      reasons.length === 0
        ? undefined
        : html`<ul>
            ${reasons.map((reason) => html`<li>${reason}</li>`)}
          </ul>`
    }
  </section>`;
}

function renderSummary({ summary, writtenMsAgo }: Extract<KnownSite, { summary: unknown }>, now: Date): Html {
  const { databases, newestBackupAt, alarms, pgstow } = summary;
  const heard = new Date(now.getTime() - writtenMsAgo).toISOString();
  return html`<p>
    ${databases.protected} of ${databases.total} ${databases.total === 1 ? 'database is' : 'databases are'} protected.
    ${
      newestBackupAt === undefined
        ? 'It has no backup yet.'
        : html`Its newest backup is from ${renderAge(newestBackupAt, now)}.`
    }
    ${alarms === 0 ? 'No alarm stands.' : `${alarms} ${alarms === 1 ? 'alarm stands' : 'alarms stand'}.`}
    <span class="muted">Heard of ${renderAge(heard, now)}, pgstow ${pgstow}.</span>
  </p>`;
}
