import { expect, it } from 'vitest';
import { readSearchPaths, searchPathOf } from './search-paths.ts';

it.each<[string | undefined, Record<string, string | undefined>]>([
  [undefined, { shop: undefined }],
  ['public', { shop: 'public', immich: 'public' }],
  ['app, "a=b;c"', { shop: 'app, "a=b;c"' }],
  ['immich=public', { immich: 'public', shop: undefined }],
  [' immich = public ; my shop=app, "a=b"', { immich: 'public', 'my shop': 'app, "a=b"', shop: undefined }],
  ['immich=public; app', { shop: 'immich=public; app' }],
])('reads the schemas of %s', (text, wanted) => {
  const paths = readSearchPaths(text);
  expect(Object.fromEntries(Object.keys(wanted).map((database) => [database, searchPathOf(paths, database)]))).toEqual(
    wanted,
  );
});
