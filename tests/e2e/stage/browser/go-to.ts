import type { Page, Request } from 'playwright-core';

const MOST_TRIES = 20;
/** What Chromium says of a request that was lost on the way, as when a network of this machine comes or goes. */
const CUT = /ERR_NETWORK_CHANGED|ERR_TOO_MANY_RETRIES/;

export function isCut(errorText: string | undefined): boolean {
  return errorText !== undefined && CUT.test(errorText);
}

/**
 * Opens an address in a browser's page, with all that it loads. Chromium gives up what it loads when a network interface of the
 * machine comes or goes, as those of Docker do: then it is opened again.
 */
export async function goTo(page: Page, url: string): Promise<void> {
  let wasCut = false;
  const look = (request: Request): void => {
    if (isCut(request.failure()?.errorText)) wasCut = true;
  };
  page.on('requestfailed', look);
  try {
    for (let tries = 1; ; tries += 1) {
      wasCut = false;
      try {
        await page.goto(url, { waitUntil: 'networkidle' });
        if (!wasCut || tries === MOST_TRIES) return;
      } catch (error) {
        if (tries === MOST_TRIES || !isCut(String(error))) throw error;
      }
    }
  } finally {
    page.off('requestfailed', look);
  }
}

/** Follows a link by its address: a page that loads itself anew, as the status page does, may undo a click. */
export async function followLink(page: Page, name: string): Promise<void> {
  const path = await page.getByRole('link', { name }).first().getAttribute('href');
  await goTo(page, new URL(path ?? '', await page.evaluate<string>('document.baseURI')).href);
}

const LOOK_MS = 8000;

/** Waits until the board shows a text. A page whose own requests were lost asks no more: it is loaded anew, as a person would. */
export async function seeText(page: Page, text: string | RegExp): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await page.getByText(text).first().waitFor({ timeout: LOOK_MS });
    } catch (error) {
      if (tries === MOST_TRIES) throw error;
    }
    await page.reload({ waitUntil: 'networkidle' });
  }
}
