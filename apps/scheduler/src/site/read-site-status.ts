import { judgeSite, type SiteStatus } from './protection-policy.ts';
import { readSite, type SiteFacts } from './read-site.ts';
import type { Site } from './site.ts';

/** How a site stands now, and the facts that say so. @throws RetryableError if Redis does not answer in time */
export async function readSiteStatus(site: Site): Promise<SiteStatus & { readonly facts: SiteFacts }> {
  const facts = await readSite(site);
  return { ...judgeSite(site, facts), facts };
}
