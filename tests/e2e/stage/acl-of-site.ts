import { readFile } from 'node:fs/promises';

/** The rules for a site's user of Redis, as docs/sites.md has them. */
export async function aclOfSite(site: string): Promise<string> {
  const page = await readFile(new URL('../../../docs/sites.md', import.meta.url), 'utf8');
  const rules = /^user berlin .*$/m.exec(page)?.[0];
  if (rules === undefined) throw new Error('wanted the user berlin in docs/sites.md, found none');
  return rules.replaceAll('berlin', site);
}
