import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { judgeLineage } from '@pgstow/catalog/policy/lineage-policy.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import { findingOf, defineCheck } from '../check.ts';
import { sourceTimeoutMs } from '../facts.ts';

/** Checks that the next dumps are of the same source as the last ones, by the dump worker's own rule. */
export const checkSource = defineCheck({
  name: 'postgres.identity',
  needs: ['backup', 'postgres'],
  timeoutMs: ({ postgres }) => sourceTimeoutMs(postgres) + 30_000,
  async *run({ backup }, facts) {
    const dumps = await facts.readDumps(backup.folder);
    const { identities } = await facts.source;
    for (const [subject, identity] of identities) {
      const { ok, warning } = findingOf('postgres.identity', subject);
      const { otherSource } = judgeLineage(identity, dumpsOf(subject, dumps), facts.now);
      yield otherSource === undefined
        ? ok(`it is that of ${describeSource(identity)}`)
        : warning(
            `it is that of ${describeSource(identity)}, and its last dump that counts is of ${describeSource(otherSource)}: the next one will be suspect`,
            'Is POSTGRES_HOST the right server, and BACKUP_DIR the right folder? If it took the place of the other, accept its first dump: pgstow accept latest',
          );
    }
  },
});
