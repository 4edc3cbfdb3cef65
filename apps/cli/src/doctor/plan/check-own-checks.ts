import { isFor, readOwnChecks } from '@pgstow/postgres/checks/read-own-checks.ts';
import { findingOf, defineCheck } from '../check.ts';

/** Reads the file of VERIFY_CHECKS as a restore test does, and says how many of its queries each database has. */
export const checkOwnChecks = defineCheck({
  name: 'restore.checks',
  needs: ['verify', 'postgres'],
  timeoutMs: 30_000,
  async *run({ verify, postgres }) {
    const check = 'restore.checks';
    if (verify.checksFile === undefined) return;
    const checks = await readOwnChecks(verify.checksFile);
    for (const subject of postgres.databases) {
      const { length } = checks.filter(isFor(subject));
      yield findingOf(check, subject).ok(
        `its restore tests run ${length} ${length === 1 ? 'query' : 'queries'} of your own`,
      );
    }
    const unused = checks.filter((each) => !postgres.databases.some((database) => isFor(database)(each)));
    for (const { name, databases = [] } of unused) {
      yield findingOf(check).warning(
        `${JSON.stringify(name)} is never run: no database of POSTGRES_DB is called ${databases.join(' or ')}`,
        'Mend the line `-- database:` of that query in VERIFY_CHECKS.',
      );
    }
  },
});
