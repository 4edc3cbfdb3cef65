import type { Manifest } from '@pgstow/shared/contract/manifest.ts';

export type Dated = { readonly manifest: Pick<Manifest, 'name' | 'takenAt'> };

/**
 * The newest dump that is not from the future; if all are, the last of them. Every question for the newest is answered here: a
 * dump that a wrong clock dated ahead must not stand in for those taken since.
 *
 * @param dumps oldest first
 */
export function newestByNow<D extends Dated>(dumps: readonly D[], now: Date): D | undefined {
  return newestUntil(dumps, now) ?? dumps.at(-1);
}

/** The newest dump that was taken at a time or before it. @param dumps oldest first */
export function newestUntil<D extends Dated>(dumps: readonly D[], time: Date): D | undefined {
  return dumps.findLast(({ manifest }) => Date.parse(manifest.takenAt) <= time.getTime());
}

/** Says that a dump from the future was passed over as the newest. @param dumps oldest first */
export function warnOfPassedOver(dumps: readonly Dated[], now: Date): string | undefined {
  const [chosen, last] = [newestByNow(dumps, now), dumps.at(-1)];
  if (last === undefined || last === chosen) return undefined;
  return `${last.manifest.name} lies in the future and is passed over for ${chosen?.manifest.name}: a clock is wrong, or was`;
}
