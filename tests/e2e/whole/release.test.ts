import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCommand } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/release.ts', import.meta.url));

describe.skipIf(!hasCommand('git'))('the release script', () => {
  it('tags a release, and lists everything that keeps another tree from being one', async () => {
    await using folder = await tempFolder();
    const options = { cwd: folder.path, reject: false } as const;
    const git = (...args: readonly string[]) =>
      execa('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], options);
    const release = (...args: readonly string[]) => execa(process.execPath, [SCRIPT, ...args], options);
    const write = (file: string, text: string) => writeFile(join(folder.path, file), text);
    await git('init', '--quiet');
    await git('config', 'user.name', 'Ada');
    await git('config', 'user.email', 'ada@example.org');
    await write('package.json', '{"version": "0.2.0"}');
    await write('CHANGELOG.md', '# Changelog\n\n## Unreleased\n\n- More.\n\n## 0.1.0 - 2026-11-01\n\n- All.\n');

    const faulty = await release('0.3.0');
    expect([faulty.exitCode, faulty.stderr.split('\n')]).toEqual([
      1,
      [
        'release: package.json says version 0.2.0',
        'release: CHANGELOG.md has changes that are not released, or no section Unreleased',
        'release: CHANGELOG.md has no section "0.3.0 - YYYY-MM-DD" below Unreleased',
        'release: the tree is not clean',
      ],
    ]);
    expect((await release('next')).stderr).toContain('expected one version such as 0.2.0, got "next"');

    const changelog = await readFile(join(folder.path, 'CHANGELOG.md'), 'utf8');
    await write('CHANGELOG.md', changelog.replace('- More.', '## 0.2.0 - 2026-11-29\n\n- More.'));
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'All');
    expect((await release('0.2.0', '--check')).stdout).toBe('0.2.0 is ready');
    expect((await git('tag')).stdout).toBe('');
    expect((await release('0.2.0')).stdout).toContain('tagged v0.2.0');
    expect((await git('tag')).stdout).toBe('v0.2.0');
    expect((await release('0.2.0')).stderr).toBe('release: the tag v0.2.0 is there already');
  });
});
