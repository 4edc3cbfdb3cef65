import { z } from 'zod';
import type { QueueName } from '../../contract/jobs.ts';
import { defineSubject, type Built, type Variable } from '../subject.ts';
import { wholeNumber } from '../values/whole-number.ts';

/** Jobs of one kind that a worker runs at once. */
export type Concurrency = {
  /** For one server. */
  readonly perServer: number;
  /** For all servers. */
  readonly inAll: number;
};

const MOST = 64;
/** Servers that are served side by side unless a setting says otherwise. */
const SIDE_BY_SIDE = 4;

const perServer = (what: string) => ({
  schema: wholeNumber('a number', 1, MOST).default(1),
  description: `Number of ${what} of one server that a worker runs at once. A server of \`TARGETS_FILE\` may have its own.`,
});
const inAll = (what: string, defaultText: string) => ({
  schema: wholeNumber('a number', 1, MOST).optional(),
  description: `Number of ${what} of all servers together that a worker runs at once.`,
  defaultText,
});

export const TARGETS_FILE = {
  schema: z.string().startsWith('/', 'expected an absolute path').optional(),
  description:
    'File (YAML) of further servers; see [servers.md](servers.md). A change takes effect without a restart. With it, `POSTGRES_HOST` and its like may be left out.',
} as const satisfies Variable;

export const targets = defineSubject({
  title: 'Several servers',
  variables: {
    TARGETS_FILE,
    DUMP_CONCURRENCY: perServer('dumps'),
    DUMP_CONCURRENCY_ALL: inAll('dumps', `${SIDE_BY_SIDE} with \`TARGETS_FILE\`, else \`DUMP_CONCURRENCY\``),
    UPLOAD_CONCURRENCY: perServer('uploads'),
    UPLOAD_CONCURRENCY_ALL: inAll('uploads', `${SIDE_BY_SIDE} with \`TARGETS_FILE\`, else \`UPLOAD_CONCURRENCY\``),
    VERIFY_CONCURRENCY: perServer('restore tests'),
    VERIFY_CONCURRENCY_ALL: inAll('restore tests', '`VERIFY_CONCURRENCY`'),
  },
  build: (values) => {
    const least = values.TARGETS_FILE === undefined ? 1 : SIDE_BY_SIDE;
    const of = (each: number, all: number | undefined, unlessSaid: number): Concurrency => ({
      perServer: each,
      inAll: all ?? Math.max(each, unlessSaid),
    });
    return {
      /** `undefined`: the server of stack.env is the only one. */
      file: values.TARGETS_FILE,
      concurrency: {
        dump: of(values.DUMP_CONCURRENCY, values.DUMP_CONCURRENCY_ALL, least),
        upload: of(values.UPLOAD_CONCURRENCY, values.UPLOAD_CONCURRENCY_ALL, least),
        // Each takes the memory of a server.
        verify: of(values.VERIFY_CONCURRENCY, values.VERIFY_CONCURRENCY_ALL, 1),
      } satisfies Record<QueueName, Concurrency>,
    };
  },
});

export type TargetsConfig = Built<typeof targets>;
