import { judgeServer } from './protection-policy.ts';
import { readSite, type ServerFacts } from './read-site.ts';
import type { SiteDatabase, SiteStatus } from './site-status.ts';
import type { Site } from './site.ts';
import { findSourcesTwice } from './source-policy.ts';

/** How a site stands now, and the facts that say so. @throws RetryableError if Redis does not answer in time */
export async function readSiteStatus(site: Site): Promise<SiteStatus> {
  const servers = (await readSite(site)).filter(isInUse);
  const judged = servers.map(({ on, facts }) => {
    const { databases, gone, faults } = judgeServer({ ...on, startedAt: site.startedAt }, facts);
    return {
      on,
      databases: databases.map((each): SiteDatabase => ({ ...each, on, facts })),
      gone: gone.map((each) => ({ ...each, on, facts })),
      faults,
    };
  });
  const databases = judged.flatMap((each) => each.databases);
  const fault = site.targetsFault();
  const of = (isNamed: boolean) =>
    judged.flatMap(({ on, faults }) =>
      faults
        .filter(({ isOfServer }) => (isOfServer && on.server !== undefined) === isNamed)
        .map(({ text }) => (isNamed ? `${on.server}: ${text}` : text)),
    );
  return {
    servers,
    databases,
    gone: judged.flatMap((each) => each.gone),
    faults: [...new Set(of(false))],
    namedFaults: [
      ...(fault === undefined ? [] : [fault]),
      ...of(true),
      ...findSourcesTwice(databases).map(({ text }) => text),
    ],
  };
}

/** The server of stack.env is none where TARGETS_FILE names them all. */
function isInUse({ on, facts }: ServerFacts, _index: number, all: readonly ServerFacts[]): boolean {
  return on.server !== undefined || facts.targets.length > 0 || all.length === 1;
}
