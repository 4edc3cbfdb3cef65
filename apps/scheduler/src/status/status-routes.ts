import { randomBytes } from 'node:crypto';
import { readAlarms } from '@pgstow/notify/alarms/alarm-state.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { placeNames } from '@pgstow/shared/contract/restore-test.ts';
import { formatTarget, type Target } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { enqueueDump, enqueueVerify } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { readSites } from '@pgstow/shared/runtime/redis/site-summaries.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { readJobs } from '../site/read-jobs.ts';
import { readSiteStatus } from '../site/read-site-status.ts';
import { findServed, readSite } from '../site/read-site.ts';
import { answerOf } from '../site/redis-answer.ts';
import type { SiteDatabase, SiteStatus } from '../site/site-status.ts';
import type { ServedServer, Site } from '../site/site.ts';
import type { WatchedSites } from '../site/watch-sites.ts';
import { isSameSecret } from '../web/is-same-secret.ts';
import { renderSites } from './page/render-sites.ts';
import { renderStatusPage } from './page/render-status-page.ts';
import { renderUnavailable } from './page/render-unavailable.ts';
import type { Said, View } from './page/status-page-options.ts';
import { viewQuery } from './page/view-path.ts';

export type StatusRoutesOptions = {
  readonly version: string;
  readonly sites: Pick<WatchedSites, 'areThere'>;
  /** The path that browsers see before the page's own. */
  readonly publicPath: string;
  readonly log: Pick<Log, 'info'>;
};

/** Stricter than the board's: the page has no script and loads nothing. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";
const LONGEST_FORM = 4096;

/**
 * Adds the status page with its two buttons, the page over all sites, and the metrics. Register it behind the password.
 */
export async function addStatusRoutes(
  scope: FastifyInstance,
  site: Site,
  { version, sites, publicPath, log }: StatusRoutesOptions,
): Promise<void> {
  const token = randomBytes(24).toString('base64url');
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: LONGEST_FORM },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );

  scope.get('/', async (request, reply) => {
    const query = new URLSearchParams(request.url.split('?')[1] ?? '');
    reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY);
    try {
      const [status, jobs] = await Promise.all([readSiteStatus(site), readJobs(site)]);
      const alarms = await answerOf(readAlarms(site.redis, site.name));
      const { name } = site;
      const said = readSaid(query, status);
      const view = readView(query, status);
      return reply.send(
        renderStatusPage({
          view,
          site: name,
          publicPath,
          status,
          alarms,
          jobs,
          said,
          token,
          version,
          hasOtherSites: sites.areThere,
        }),
      );
    } catch (error) {
      return reply.code(503).send(renderUnavailable(site.name, publicPath, describeError(error)));
    }
  });

  scope.get('/sites', async (_request, reply) => {
    reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY);
    try {
      const known = await answerOf(readSites(site.redis));
      return reply.send(renderSites({ site: site.name, publicPath, sites: known, now: new Date() }));
    } catch (error) {
      return reply.code(503).send(renderUnavailable(site.name, publicPath, describeError(error)));
    }
  });

  scope.get('/metrics', async (_request, reply) => {
    const { renderMetrics } = await import('./metrics/render-metrics.ts');
    const { contentType, text } = await renderMetrics(site, version);
    return reply.type(contentType).send(text);
  });

  for (const [path, ask] of [
    ['/dump', askForDump],
    ['/restore-test', askForRestoreTest],
  ] as const) {
    scope.post(path, async (request, reply) => {
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      if (!isSameSecret(form.get('token') ?? '', token)) return goBack(reply, { said: 'old' });
      const database = form.get('database') ?? '';
      const server = form.get('server') ?? undefined;
      try {
        const on = await findServed(site, server, database);
        if (on === undefined) return goBack(reply, { said: 'unknown' });
        const { said, job } = await ask(site, on, database);
        log.info({ server, database, job }, `status page: requested a ${path.slice(1)}`);
        // To the page that the form stood on.
        const view = form.get('view') === 'database' ? viewQuery({ server, database }) : {};
        const of = server === undefined ? { of: database } : { of: database, 'of-server': server };
        return goBack(reply, { said, ...of, ...(job === undefined ? {} : { job }), ...view });
      } catch (error) {
        return reply
          .code(503)
          .type('text/html; charset=utf-8')
          .send(renderUnavailable(site.name, publicPath, describeError(error)));
      }
    });
  }
}

type Answer = { readonly said: keyof typeof SENTENCES; readonly job?: string };

const SENTENCES = {
  dump: { queue: 'dump', text: (of: string) => `A dump of ${of} is requested.` },
  'dump-due': { queue: 'dump', text: (of: string) => `A dump of ${of} is already due.` },
  test: { queue: 'verify', text: (of: string) => `A restore test of the newest backup of ${of} is requested.` },
  'no-backup': { queue: undefined, text: (of: string) => `There is no backup of ${of} yet to restore.` },
  old: {
    queue: undefined,
    text: () => 'Nothing was done: the page was older than the scheduler’s last start. It is fresh now; try again.',
  },
  unknown: { queue: undefined, text: () => 'Nothing was done: there is no such database.' },
} as const;

async function askForDump(site: Site, on: ServedServer, database: string): Promise<Answer> {
  const { dumping } = (await readSite(site)).find((each) => each.on === on)?.facts ?? {};
  const due = dumping?.get(database);
  if (due !== undefined && !due.isRunning) return { said: 'dump-due', job: due.id };
  const job = await answerOf(enqueueDump(on.queues.dump, database, 'ad-hoc'));
  return { said: 'dump', job: job.id ?? '' };
}

async function askForRestoreTest(site: Site, on: ServedServer, database: string): Promise<Answer> {
  const { databases } = await readSiteStatus(site);
  const status = databases.find((each) => each.on === on && each.database === database);
  const newest: BackupName | undefined = status?.health.newestConfirmed?.dump.name;
  if (newest === undefined) return { said: 'no-backup' };
  const [job] = await answerOf(
    Promise.all(placeNames(on.destinations).map((place) => enqueueVerify(on.queues.verify, newest, place, 'ad-hoc'))),
  );
  return { said: 'test', ...(job === undefined ? {} : { job }) };
}

/** Redirects to the page, so that reloading it sends no form again. The path is relative, because a proxy may serve the page elsewhere. */
function goBack(reply: FastifyReply, said: Readonly<Record<string, string>>): FastifyReply {
  return reply.redirect(`./?${new URLSearchParams(said).toString()}`, 303);
}

/** Reads what a person looks at. A link to what is not there any more shows all. */
function readView(query: URLSearchParams, { databases }: SiteStatus): View {
  const view = { server: query.get('server') ?? undefined, database: query.get('database') ?? '' };
  if (databases.some(isOf(view))) return view;
  const from = Number(query.get('from') ?? 0);
  return { from: Number.isSafeInteger(from) && from > 0 && from < databases.length ? from : 0 };
}

function isOf({ server, database }: Target): (of: SiteDatabase) => boolean {
  return (each) => each.on.server === server && each.database === database;
}

/** Reads what the page says about the last form. A link from elsewhere can make it say nothing else. */
function readSaid(query: URLSearchParams, { databases }: SiteStatus): Said | undefined {
  const said = query.get('said') ?? '';
  if (!Object.hasOwn(SENTENCES, said)) return undefined;
  const of = { server: query.get('of-server') ?? undefined, database: query.get('of') ?? '' };
  const { queue, text } = SENTENCES[said as keyof typeof SENTENCES];
  if (text.length > 0 && !databases.some(isOf(of))) return undefined;
  const id = query.get('job');
  return {
    isRefusal: queue === undefined,
    text: text(formatTarget(of)),
    job: queue === undefined || id === null ? undefined : { queue, id },
  };
}
