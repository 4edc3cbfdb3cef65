import { describe, expect, it } from 'vitest';
import { judgePsql } from './psql-version-policy.ts';

describe("psql's version", () => {
  it.each([
    ['19.0', true, true],
    ['19beta1', true, true],
    ['18.6', true, true],
    ['18.5', true, false],
    ['18.0', true, false],
    ['17.11', true, true],
    ['17.10', true, false],
    ['17.5', false, false],
    ['16.15', true, true],
    ['16.9', false, false],
    ['15.19', true, true],
    ['15.18', true, false],
    ['15.14', true, false],
    ['15.13', false, false],
    ['14.24', true, true],
    ['14.18', false, false],
    ['13.23', true, false],
    ['13.21', false, false],
    ['12.22', false, false],
    ['9.6.24', false, false],
    ['nonsense', false, false],
  ])('%s knows \\restrict: %j, has all known faults mended: %j', (version, knowsRestrict, isSafe) => {
    const judgement = judgePsql(version);
    expect(judgement).toMatchObject({ knowsRestrict });
    expect(judgement.warning === undefined).toBe(isSafe);
  });

  it('is told with what to use instead', () => {
    expect(judgePsql('15.18').warning).toMatch(/15\.19 has it mended/);
    expect(judgePsql('13.23').warning).toMatch(/use psql 14\.24 or a newer one/);
  });
});
