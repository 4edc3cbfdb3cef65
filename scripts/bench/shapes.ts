import { join } from 'node:path';
import { execa } from 'execa';
import type { Bench } from './start-bench.ts';

/** One kind of data that databases hold. */
export type Shape = {
  /** Name of its database. */
  readonly database: 'texts' | 'numbers' | 'tables';
  readonly title: string;
  /** Loads it into its database, which is there and empty. */
  load(bench: Bench): Promise<void>;
};

export const SHAPES: readonly Shape[] = [
  {
    database: 'texts',
    title: 'Texts and JSON',
    load: (bench) => bench.loadSample('texts', 1),
  },
  {
    database: 'numbers',
    title: 'Numbers (pgbench, scale 40)',
    load: async ({ postgres }) => {
      const env = { ...postgres.env('numbers'), PATH: process.env['PATH'] ?? '' };
      await execa(join(postgres.binDir, 'pgbench'), ['--initialize', '--quiet', '--scale=40'], {
        env,
        extendEnv: false,
      });
    },
  },
  {
    database: 'tables',
    title: '5,000 tables of 100 rows',
    load: async ({ postgres }) => {
      // One transaction holds a lock on each table that it makes.
      for (let from = 0; from < 5000; from += 500) await postgres.psql('tables', createTables(from, 500));
      await postgres.psql('tables', 'VACUUM ANALYZE');
    },
  },
];

const createTables = (from: number, count: number): string => `
DO $$ BEGIN FOR i IN ${from}..${from + count - 1} LOOP
  EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, name text NOT NULL, total numeric, made timestamptz DEFAULT now())', i);
  EXECUTE format('INSERT INTO t%s (name, total) SELECT md5(n::text), n * 1.01 FROM generate_series(1, 100) n', i);
  EXECUTE format('CREATE INDEX ON t%s (name)', i);
END LOOP; END $$`;
