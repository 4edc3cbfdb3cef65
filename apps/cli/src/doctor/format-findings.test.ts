import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import type { Finding } from './check.ts';
import { formatFindings } from './format-findings.ts';

const FINDINGS: readonly Finding[] = [
  { check: 'redis.server', status: 'ok', message: 'Redis 7.0.15 answers' },
  { check: 'postgres.database', subject: 'a\u001b[2J', status: 'skipped', message: 'not checked' },
  {
    check: 'postgres.rights',
    subject: 'shop',
    status: 'fault',
    message: `backup may not read the table ${Array.from({ length: 12 }, (_, i) => `public.t${i}`).join(', ')}`,
    hint: 'GRANT SELECT ON TABLE public.t0 TO "backup";\nOr for all: GRANT pg_read_all_data TO "backup";',
  },
];

it('groups findings, in plain words where there is no terminal', () => {
  expect(formatFindings(FINDINGS, false)).toBe(`PostgreSQL
 skipped "a\\u001b[2J: not checked"
 FAULT   shop: backup may not read the table public.t0, public.t1, public.t2,
         public.t3, public.t4, public.t5, public.t6, public.t7, public.t8,
         public.t9, public.t10, public.t11
         hint: GRANT SELECT ON TABLE public.t0 TO "backup";
         Or for all: GRANT pg_read_all_data TO "backup";

Redis
 ok      Redis 7.0.15 answers

1 fault, 0 warnings, 1 well, 1 skipped`);
});

it('marks them with signs on a terminal, where they fit as well', () => {
  const text = stripVTControlCharacters(formatFindings(FINDINGS, true));
  expect(text).toMatch(/^ ✖ shop: backup may not/m);
  expect(text).toMatch(/^ {3}→ GRANT SELECT/m);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});
