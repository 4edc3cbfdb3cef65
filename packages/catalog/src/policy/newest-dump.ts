import type { Manifest } from '@pgstow/shared/contract/manifest.ts';

export type Dated = { readonly manifest: Pick<Manifest, 'name' | 'takenAt'> };

/**
 * The newest dump, unless a clock that was ahead only made it look so; one of those where there is no other. Every question
 * for the newest is answered here: one that claims to be from the future must not stand in for those taken since.
 *
 * @param dumps oldest first
 */
export function newestByNow<D extends Dated>(dumps: readonly D[], now: Date): D | undefined {
  return newestUntil(dumps, now) ?? dumps.at(-1);
}

/** The newest dump that was taken at that time or before. @param dumps oldest first */
export function newestUntil<D extends Dated>(dumps: readonly D[], time: Date): D | undefined {
  return dumps.findLast(({ manifest }) => Date.parse(manifest.takenAt) <= time.getTime());
}

/** What to say where the newest was chosen and one that claims to be newer was not. @param dumps oldest first */
export function warnOfPassedOver(dumps: readonly Dated[], now: Date): string | undefined {
  const [chosen, last] = [newestByNow(dumps, now), dumps.at(-1)];
  if (last === undefined || last === chosen) return undefined;
  return `${last.manifest.name} lies in the future and is passed over for ${chosen?.manifest.name}: a clock is wrong, or was`;
}
