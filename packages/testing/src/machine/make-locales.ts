import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { hasCommand, hasPostgres } from './capabilities.ts';
import { tempFolder, type TempFolder } from './temp-folder.ts';
import { testedMajor } from './tested-postgres.ts';

/** Whether `makeLocales` can make a locale such as `de_DE.UTF-8`: from glibc's sources, which Debian has in the package `locales`. */
export function canMakeLocale(locale: string): boolean {
  return hasCommand('localedef') && existsSync(`/usr/share/i18n/locales/${locale.replace('.UTF-8', '')}`);
}

/** Whether there is a server to test that can speak a locale's language. All speak that of `C`. */
export function speaks(locale: string): boolean {
  if (!hasPostgres()) return false;
  if (locale === 'C') return true;
  const language = locale.slice(0, 2);
  return canMakeLocale(locale) && existsSync(`/usr/share/locale/${language}/LC_MESSAGES/postgres-${testedMajor()}.mo`);
}

/** Makes locales in a private folder, which every user may read; `C` is everywhere. Programs find them by `LOCPATH`. */
export async function makeLocales(...locales: readonly string[]): Promise<TempFolder> {
  const folder = await tempFolder('pgstow-locales-');
  await chmod(folder.path, 0o755);
  for (const locale of locales.filter((name) => name !== 'C'))
    await execa('localedef', ['-i', locale.replace('.UTF-8', ''), '-f', 'UTF-8', join(folder.path, locale)]);
  return folder;
}
