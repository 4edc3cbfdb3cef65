import { plainName } from './plain-name.ts';

/** Tables that hold the rows of a partitioned table, by its name. */
export type PartitionTrees = ReadonlyMap<string, readonly string[]>;

/**
 * Counts the rows of partitions as rows of their root. pg_dump writes rows to the root where the hash of a key is another one on
 * each server, as that of an enum is: then a row may lie in another partition after a restore.
 * Source: forcePartitionRootLoad in src/bin/pg_dump/pg_dump.c
 *
 * @param trees those that are to be folded
 * @param isWhole whether a tree of which a partition was not counted is left out
 */
export function foldPartitions(
  tables: Readonly<Record<string, number>>,
  trees: PartitionTrees,
  isWhole: boolean,
): Record<string, number> {
  if (trees.size === 0) return { ...tables };
  const rootOf = new Map(
    [...trees].flatMap(([root, leaves]) => [root, ...leaves].map((name) => [plainName(name), root])),
  );
  const counted = new Map<string, { rows: number; tables: number }>();
  if (isWhole) for (const root of trees.keys()) counted.set(root, { rows: 0, tables: 0 });
  const folded: Record<string, number> = {};
  for (const [name, rows] of Object.entries(tables)) {
    const root = rootOf.get(plainName(name));
    if (root === undefined) folded[name] = rows;
    else {
      const sum = counted.get(root) ?? { rows: 0, tables: 0 };
      counted.set(root, { rows: sum.rows + rows, tables: sum.tables + 1 });
    }
  }
  for (const [root, sum] of counted) if (!isWhole || sum.tables === trees.get(root)?.length) folded[root] = sum.rows;
  return folded;
}
