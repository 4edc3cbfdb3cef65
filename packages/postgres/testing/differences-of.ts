import type { Finding } from '@pgstow/shared/contract/finding.ts';

/** The sentences of findings. */
export function differencesOf({ findings }: { readonly findings: readonly Finding[] }): readonly string[] {
  return findings.map(({ difference }) => difference);
}
