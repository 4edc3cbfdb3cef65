import { expect, it } from 'vitest';
import { needsOfDump } from './needs-of-dump.ts';

const NEEDS = {
  settings: [],
  monetaryLocale: 'C',
  tablespaces: ['fast'],
  owner: 'owner',
  roles: [
    { name: 'app', memberOf: ['team'], ownsAsSuperuser: ['event trigger a'] },
    { name: 'other', isSuperuser: true as const },
    { name: 'owner', memberOf: ['owners'] },
    { name: 'owners', bypassesRowSecurity: true as const },
    { name: 'team', memberOf: ['teams', 'app'] },
    { name: 'teams', isSuperuser: true as const },
  ],
};

it('keeps the roles that the dump names, the owner, and all whose rights these have', () => {
  const names = needsOfDump(NEEDS, ['app'], []).roles?.map(({ name }) => name);
  expect(names).toEqual(['app', 'owner', 'owners', 'team', 'teams']);
  expect(needsOfDump(NEEDS, undefined, [])).toEqual(NEEDS);
  expect(needsOfDump({ ...NEEDS, roles: undefined }, ['app'], [])).not.toHaveProperty('roles.length');
});

it('leaves out what the options of the dump leave out', () => {
  expect(needsOfDump(NEEDS, ['app'], ['--no-tablespaces'])).toMatchObject({ tablespaces: [] });
  for (const option of ['-O', '--no-owner'])
    expect(needsOfDump(NEEDS, ['app'], [option]).roles?.[0]).toEqual({ name: 'app', memberOf: ['team'] });
});
