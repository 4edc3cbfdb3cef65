import type { Manifest } from '@pgstow/shared/contract/manifest.ts';

/** The dumps of one database, in the order in which they are given. */
export function dumpsOf<D extends { readonly manifest: Pick<Manifest, 'database'> }>(
  database: string,
  dumps: readonly D[],
): readonly D[] {
  return dumps.filter(({ manifest }) => manifest.database === database);
}
