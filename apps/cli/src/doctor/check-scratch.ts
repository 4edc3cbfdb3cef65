import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { assertScratchRoot } from '@pgstow/postgres/assert-scratch-root.ts';
import { chooseScratchPrograms } from '@pgstow/postgres/choose-scratch-programs.ts';
import prettyBytes from 'pretty-bytes';
import { defineCheck } from './check.ts';
import { sourceTimeoutMs } from './facts.ts';
import { findingOf } from './run-check.ts';

/** What a verify worker needs of its machine, where this is it: the folder of its scratch servers says so. */
export const checkScratch = defineCheck({
  name: 'restore.scratch',
  needs: ['verify', 'postgres'],
  timeoutMs: ({ postgres }) => sourceTimeoutMs(postgres) + 30_000,
  async *run({ verify }, facts) {
    const check = 'restore.scratch';
    const { folder, schedule } = verify;
    if (schedule.kind === 'off') return;
    if (!existsSync(folder)) {
      const message = `VERIFY_DIR ${folder} is not on this machine: if the verify worker runs elsewhere, it checks its own when it starts`;
      yield { check, status: 'skipped', message };
      return;
    }
    try {
      await assertScratchRoot(folder);
      yield { check, status: 'ok', message: `scratch servers can live in ${folder}` };
    } catch (error) {
      yield findingOf(check, error);
    }
    const { major, databaseBytes } = await facts.source;
    if (major === undefined) {
      const message = 'which PostgreSQL server is needed here is not known: the source did not answer';
      yield { check: 'restore.server', status: 'skipped', message };
      return;
    }
    try {
      const { version } = await chooseScratchPrograms(major);
      yield {
        check: 'restore.server',
        status: 'ok',
        message: `PostgreSQL server ${version} is there for scratch servers`,
      };
    } catch (error) {
      yield findingOf('restore.server', error);
    }
    const { bavail, bsize } = await statfs(folder);
    const free = Math.min(bavail * bsize, verify.diskBytes ?? Number.POSITIVE_INFINITY);
    const largest = Math.max(0, ...databaseBytes.values());
    yield free >= largest
      ? {
          check: 'restore.room',
          status: 'ok',
          message: `${prettyBytes(free)} may be taken there, and the largest database has ${prettyBytes(largest)}`,
        }
      : {
          check: 'restore.room',
          status: 'warning',
          message: `${prettyBytes(free)} may be taken there, and the largest database has ${prettyBytes(largest)}: its restore tests may not be able to tell`,
          hint: 'Give VERIFY_DIR more room, or raise VERIFY_DISK_LIMIT.',
        };
  },
});
