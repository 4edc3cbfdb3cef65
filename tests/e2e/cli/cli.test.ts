import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';

test.each(['--help', 'dump --help'])('pgstow %s says how it is used', async (args) => {
  const { code, stdout } = await runCli(args.split(' '));
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: pgstow .*dump/s) });
});

test('pgstow --version says which it is', async () => {
  const { version } = JSON.parse(await readFile('../../package.json', 'utf8')) as { version: string };
  expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: expect.stringContaining(version) });
});

test('pgstow --help lists every verb, in 80 columns, and every exit code', async () => {
  const { stdout } = await runCli(['--help']);
  for (const verb of [
    'status',
    'list',
    'dump',
    'verify',
    'restore',
    'accept',
    'pin',
    'unpin',
    'prune',
    'prepare',
    'doctor',
    'completion',
  ])
    expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
  for (const code of [0, 1, 2, 3, 4, 5, 6, 130]) expect(stdout).toMatch(new RegExp(`^ +${code}  \\S`, 'm'));
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.each([
  'status',
  'list',
  'dump',
  'verify',
  'restore',
  'accept',
  'pin',
  'unpin',
  'release',
  'prune',
  'prepare',
  'recover',
  'doctor',
])('pgstow %s --help has an example', async (verb) => {
  const { code, stdout } = await runCli([verb, '--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`Examples?[^]*pgstow ${verb}`));
});

test.each(['nope', 'dump --nope', 'list --from moon', ''])(
  'pgstow %s is refused, with its usage and exit code 2',
  async (args) => {
    const { code, stdout, stderr } = await runCli(args.split(' ').filter(Boolean));
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/Usage: pgstow/s),
    });
  },
);

test.each(['dump', 'verify', 'status'])(
  'pgstow %s without a configuration exits 2 and says what is missing',
  async (verb) => {
    const { code, stderr } = await runCli([verb]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/POSTGRES_HOST: is required[^]*docs\/configuration\.md/),
    });
  },
);

test('a database that is not configured is a fault of the command line', async () => {
  const env = { POSTGRES_HOST: 'nowhere', POSTGRES_USER: 'backup', POSTGRES_DB: 'shop' };
  for (const args of [
    ['dump', 'shpo'],
    ['verify', '--database', 'shpo'],
  ]) {
    expect(await runCli(args, env)).toMatchObject({
      code: 2,
      stderr: 'pgstow: expected a configured database ("shop"), got "shpo"',
    });
  }
});
