export type Listing = {
  readonly objects: readonly { readonly key: string }[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
};
type ListOptions = {
  readonly prefix?: string;
  readonly delimiter?: string;
  readonly startAfter?: string;
  readonly marker?: string;
  readonly maxKeys?: number;
};
export type List = (bucket: string, options?: ListOptions) => Listing;

/**
 * Lists keys in the order of their bytes, as S3 does. fauxqs sorts them as words of a language and looks for the next page by their
 * bytes: the second page and those behind it lack the keys whose two orders differ (`shop_1`, `shop10`).
 */
export function listByBytes(list: List): List {
  return (bucket, options = {}) => {
    const { prefix, delimiter, startAfter = options.marker ?? '', maxKeys = 1000 } = options;
    // Folders are asked for by no one here.
    if (delimiter !== undefined) return list(bucket, options);
    const all = list(bucket, {
      ...(prefix === undefined ? {} : { prefix }),
      maxKeys: Number.POSITIVE_INFINITY,
    }).objects;
    const behind = all.filter(({ key }) => key > startAfter).sort((a, b) => (a.key < b.key ? -1 : 1));
    return { objects: behind.slice(0, maxKeys), commonPrefixes: [], isTruncated: behind.length > maxKeys };
  };
}
