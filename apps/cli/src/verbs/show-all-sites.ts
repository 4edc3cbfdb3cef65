import { judgeSiteSummary, type SiteHealth } from '@pgstow/catalog/policy/site-summary-policy.ts';
import type { KnownSite } from '@pgstow/shared/contract/site-summary.ts';
import { forgetSite, readSites } from '@pgstow/shared/runtime/redis/site-summaries.ts';
import { connect } from '../connect.ts';
import { exitCodes, ExitError, failure } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatAge, formatName } from '../format/format-text.ts';
import { interruptible } from '../interruptible.ts';
import { readSettings } from '../read-settings.ts';

/** Shows every site of this Redis as its scheduler summed it up last. */
export async function showAllSites(isJson: boolean): Promise<void> {
  await interruptible(async (signal) => {
    await using redis = await connect(readSettings('redis').redis.url, signal);
    const sites = (await readSites(redis)).map((known) => ({ known, health: judgeSiteSummary(known) }));
    console.log(isJson ? toJson(sites) : formatSites(sites, new Date()));
    const ill = sites.filter(({ health }) => !health.isHealthy);
    if (ill.length > 0)
      throw new ExitError(exitCodes.notHealthy, `not healthy: ${ill.map(({ known }) => known.site).join(', ')}`);
  });
}

/** Forgets a site that is no more, so that nobody is told that it is silent. */
export async function forget(site: string): Promise<void> {
  await interruptible(async (signal) => {
    await using redis = await connect(readSettings('redis').redis.url, signal);
    if (!(await forgetSite(redis, site))) throw failure(`no site ${JSON.stringify(site)} is known`);
    console.log(
      `forgot the site ${site}; its backups, jobs and alarms stay. A scheduler that runs there makes it known again`,
    );
  });
}

type Judged = { readonly known: KnownSite; readonly health: SiteHealth };

function formatSites(sites: readonly Judged[], now: Date): string {
  if (sites.length === 0) return 'no site is known: a scheduler makes its own known within a minute';
  const rows = sites.map(({ known, health: { isHealthy } }) => {
    const health = isHealthy ? 'healthy' : 'NOT HEALTHY';
    if ('fault' in known) return [known.site, '?', '?', '?', '?', health];
    const { databases, newestBackupAt, alarms } = known.summary;
    return [
      known.site,
      `${databases.protected} of ${databases.total}`,
      newestBackupAt === undefined ? 'never' : `${formatAge(new Date(newestBackupAt), now)} ago`,
      String(alarms),
      `${formatAge(new Date(now.getTime() - known.writtenMsAgo), now)} ago`,
      health,
    ];
  });
  const heading = ['SITE', 'PROTECTED', 'NEWEST BACKUP', 'ALARMS', 'HEARD OF', 'HEALTH'];
  const reasons = sites.flatMap(({ known, health }) =>
    health.reasons.map((reason) => formatName(`${known.site}: ${reason}`)),
  );
  return [formatTable(heading, rows), ...reasons].join('\n');
}

/** Documented in docs/command-line.md: fields are added, never changed. */
function toJson(sites: readonly Judged[]): string {
  return JSON.stringify(
    {
      sites: sites.map(({ known, health }) => ({
        site: known.site,
        isHealthy: health.isHealthy,
        reasons: health.reasons,
        writtenAt: 'summary' in known ? known.summary.writtenAt : null,
        databases: 'summary' in known ? known.summary.databases : null,
        newestBackupAt: 'summary' in known ? (known.summary.newestBackupAt ?? null) : null,
        alarms: 'summary' in known ? known.summary.alarms : null,
        pgstow: 'summary' in known ? known.summary.pgstow : null,
      })),
    },
    undefined,
    2,
  );
}
