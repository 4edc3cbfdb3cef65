/**
 * Checks that the working tree is release `VERSION`, and tags it: `npm run release -- 0.2.0`. With `--check` it tags nothing.
 *
 * A release has its version in every package and in a dated section of CHANGELOG.md, has no unreleased changes above that section, a
 * clean tree, and no such tag yet.
 */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { check: { type: 'boolean' } } });
const [version = '', ...others] = positionals;
const faults = [...checkVersion(), ...checkPackages(), ...checkChangelog(), ...checkTree()];
if (faults.length > 0) {
  for (const fault of faults) console.error(`release: ${fault}`);
  process.exitCode = 1;
} else if (values.check === true) console.log(`${version} is ready`);
else {
  git('tag', '--annotate', `v${version}`, '--message', `pgstow ${version}`);
  console.log(`tagged v${version}; publish it with: git push origin v${version}`);
}

function checkVersion(): readonly string[] {
  if (others.length === 0 && /^\d+\.\d+\.\d+$/.test(version)) return [];
  return [`expected one version such as 0.2.0, got ${JSON.stringify(positionals.join(' '))}`];
}

function checkPackages(): readonly string[] {
  return ['package.json', ...globSync('{apps,packages,tests}/*/package.json')].flatMap((file) => {
    const found = (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version;
    return found === version ? [] : [`${file} says version ${found ?? 'none'}`];
  });
}

function checkChangelog(): readonly string[] {
  const [, unreleased, heading] = /^## Unreleased\n([^]*?)^## (.*)$/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? [];
  const isDated = heading?.startsWith(`${version} - `) === true && /- \d{4}-\d\d-\d\d$/.test(heading);
  return [
    ...(unreleased?.trim() === '' ? [] : ['CHANGELOG.md has changes that are not released, or no section Unreleased']),
    ...(isDated ? [] : [`CHANGELOG.md has no section "${version} - YYYY-MM-DD" below Unreleased`]),
  ];
}

function checkTree(): readonly string[] {
  const tags = values.check === true ? '' : git('tag', '--list', `v${version}`);
  return [
    ...(git('status', '--porcelain') === '' ? [] : ['the tree is not clean']),
    ...(tags === '' ? [] : [`the tag v${version} is there already`]),
  ];
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}
