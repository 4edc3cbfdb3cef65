import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { describe, expect, it } from 'vitest';
import type { JudgedDump } from './judged-dump.ts';
import { judgeLineage } from './lineage-policy.ts';

const [production, staging, spare] = ['1', '2', '3'].map((systemIdentifier): SourceIdentity => ({
  systemIdentifier,
  databaseOid: 16_384,
  address: 'db:5432',
  startedAt: '2026-11-01T00:00:00.000000Z',
})) as [SourceIdentity, SourceIdentity, SourceIdentity];

type Flags = Partial<Pick<Manifest, 'suspect' | 'formerSources'>> & { readonly accepted?: boolean };

const dump = (day: number, identity?: SourceIdentity, { accepted = false, ...flags }: Flags = {}): JudgedDump => {
  const takenAt = `2026-11-0${day}T03:00:00.000Z`;
  const manifest = { takenAt, ...(identity === undefined ? {} : { identity }), ...flags } as JudgedDump['manifest'];
  return {
    manifest,
    receipts: new Map(),
    restoreTests: new Map(),
    acceptance: accepted ? { acceptedAt: takenAt } : undefined,
  };
};
const now = new Date('2026-11-07T03:00:00Z');
const judge = (identity: SourceIdentity | undefined, ...earlier: readonly JudgedDump[]) =>
  judgeLineage(identity, earlier, now);
const asUsual = { otherSource: undefined, formerSources: [] };
const suspect = { suspect: { otherSource: production }, formerSources: [production] };

describe('a dump', () => {
  it('is as usual where nothing is known of those before it, and where it is of the same source', () => {
    expect(judge(production)).toEqual(asUsual);
    expect(judge(production, dump(1))).toEqual(asUsual);
    expect(judge(production, dump(1, production), dump(2))).toEqual(asUsual);
    expect(judge(undefined, dump(1, production))).toEqual(asUsual);
  });

  it('of another source than the last one that counts is told apart, however many of those there are', () => {
    const found = { otherSource: production, formerSources: [production] };
    expect(judge(staging, dump(1, production), dump(2))).toEqual(found);
    expect(judge(staging, dump(1, production), dump(2, staging, suspect), dump(3, staging, suspect))).toEqual(found);
    expect(judge(production, dump(1, production), dump(2, staging, suspect))).toEqual(asUsual);
  });

  it('takes the place of the other source once that was accepted, and hands it on', () => {
    const accepted = dump(2, staging, { ...suspect, accepted: true });
    expect(judge(staging, dump(1, production), accepted)).toEqual({
      otherSource: undefined,
      formerSources: [production],
    });
    expect(judge(production, dump(1, production), accepted)).toEqual({
      otherSource: staging,
      formerSources: [staging],
    });
    expect(judge(spare, dump(1, production), accepted)).toEqual({
      otherSource: staging,
      formerSources: [production, staging],
    });
  });

  it('is not compared with one that a clock was ahead for, unless there is no other', () => {
    expect(judge(production, dump(1, production), dump(9, staging))).toEqual(asUsual);
    expect(judge(production, dump(9, staging)).otherSource).toEqual(staging);
  });
});
