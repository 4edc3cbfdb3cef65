import type { Page } from 'playwright-core';

const MOST_TRIES = 20;

/**
 * Opens an address in a browser's page. Chromium gives up what it loads when a network interface of the machine comes or goes,
 * as those of Docker do: then it is asked again.
 */
export async function goTo(page: { goto(url: string): Promise<unknown> }, url: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await page.goto(url);
      return;
    } catch (error) {
      if (tries === MOST_TRIES || !String(error).includes('ERR_NETWORK_CHANGED')) throw error;
    }
  }
}

/** Follows a link by its address: a page that loads itself anew, as the status page does, may undo a click. */
export async function followLink(page: Page, name: string): Promise<void> {
  const path = await page.getByRole('link', { name }).first().getAttribute('href');
  await goTo(page, new URL(path ?? '', await page.evaluate<string>('document.baseURI')).href);
}
