import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { Page, PageScreenshotOptions } from 'playwright-core';
import { expect } from 'vitest';
import { hasBrowser } from './launch-browser.ts';

/** What a picture needs and this machine lacks, or `undefined`. */
export const missing = !hasBrowser
  ? 'chromium is not on PATH'
  : !hasRedis()
    ? 'redis-server is not there'
    : hasPostgres()
      ? undefined
      : 'PostgreSQL is not there';

/** Takes a picture, and keeps it as that file of docs/ where PGSTOW_UPDATE_SCREENSHOTS is 1. */
export async function takePicture(page: Page, file: string, options: PageScreenshotOptions = {}): Promise<void> {
  await using folder = await tempFolder('pgstow-picture-');
  const path = join(folder.path, file);
  await page.screenshot({ ...options, path });
  expect((await stat(path)).size).toBeGreaterThan(20_000);
  if (process.env['PGSTOW_UPDATE_SCREENSHOTS'] === '1')
    await copyFile(path, fileURLToPath(new URL(`../../../../docs/${file}`, import.meta.url)));
}
