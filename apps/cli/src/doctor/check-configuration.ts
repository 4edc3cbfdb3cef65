import type { Finding } from './check.ts';
import type { FaultySettings } from './read-faulty-settings.ts';

/** What the processes would say of the environment when they start. */
export function checkConfiguration({
  faults,
  warnings,
}: Pick<FaultySettings, 'faults' | 'warnings'>): readonly Finding[] {
  const found: Finding[] = [
    ...faults.map((message): Finding => {
      return { check: 'configuration.values', status: 'fault', message, hint: 'See docs/configuration.md.' };
    }),
    ...warnings.map((message): Finding => {
      const hint = 'Mend or remove it: what it was to set has its default. See docs/configuration.md.';
      return { check: 'configuration.names', status: 'warning', message, hint };
    }),
  ];
  if (faults.length === 0)
    found.unshift({ check: 'configuration.values', status: 'ok', message: 'every variable is understood' });
  return found;
}
