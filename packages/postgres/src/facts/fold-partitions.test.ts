import { expect, it } from 'vitest';
import { foldPartitions } from './fold-partitions.ts';

const trees = new Map([['public.p', ['public.a', 'public."B"']]]);

it('counts the rows of partitions as rows of their root, and leaves other tables alone', () => {
  const tables = { 'public.a': 2, 'public."B"': 3, 'public."a"."b"': 1, 'public.t': 9 };
  expect(foldPartitions(tables, trees, true)).toEqual({ 'public.p': 5, 'public."a"."b"': 1, 'public.t': 9 });
  expect(foldPartitions(tables, new Map(), true)).toEqual(tables);
});

it('knows nothing of a root of which a partition was not counted', () => {
  expect(foldPartitions({ 'public.a': 2 }, trees, true)).toEqual({});
  expect(foldPartitions({}, new Map([['public.p', []]]), true)).toEqual({ 'public.p': 0 });
});

it('adds what a dump holds of the root to what it holds of its partitions', () => {
  expect(foldPartitions({ 'public.p': 4, '"public"."a"': 2 }, trees, false)).toEqual({ 'public.p': 6 });
  expect(foldPartitions({ 'public.t': 1 }, trees, false)).toEqual({ 'public.t': 1 });
});
