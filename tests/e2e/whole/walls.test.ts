import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { findBreaches } from '../../../scripts/walls/find-breaches.ts';
import { readImports } from '../../../scripts/walls/read-imports.ts';
import { readRooms } from '../../../scripts/walls/read-rooms.ts';
import { readSources } from '../../../scripts/walls/read-sources.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const rooms = readRooms(await readFile(join(ROOT, 'docs/layers.md'), 'utf8'));
const sources = readSources(ROOT);

describe('the rooms of docs/layers.md', () => {
  it('stand as the table says', () => {
    expect(rooms.size).toBeGreaterThan(20);
    expect(findBreaches(sources, rooms)).toEqual([]);
  });

  it('are all there', () => {
    const more = new Map([...rooms, ['packages/cellar', { rooms: [], modules: [] }]]);
    expect(findBreaches(sources, more)).toEqual([expect.stringContaining('packages/cellar')]);
    expect(breachesOf({ 'packages/attic/src/x.ts': "import 'zod';" })).toEqual([
      expect.stringContaining('lies in no room'),
    ]);
  });

  it('may import nothing that they do not', () => {
    const more = new Map([
      ...rooms,
      ['notify', { rooms: ['shared', 'catalog'], modules: ['nodemailer', 'p-retry', 'zod'] }],
    ]);
    expect(findBreaches(sources, more)).toEqual(['docs/layers.md lets notify import catalog, which it does not']);
  });

  it.each([
    // Where something may not be imported, and where it may.
    ['zod', ['apps/dump-worker', 'packages/store'], ['packages/shared/src/contract', 'packages/postgres/src/client']],
    ['cron-parser', ['packages/shared/src/contract', 'apps/scheduler'], ['packages/shared/src/config']],
    ['node:path', ['packages/shared/src/contract', 'packages/catalog/src/policy'], ['packages/catalog/src/folder']],
    ['bullmq', ['apps/cli', 'packages/store/src/s3', 'packages/shared/src/config'], ['packages/shared/src/runtime']],
    ['ioredis', ['apps/dump-worker', 'packages/notify', 'apps/scheduler/src/web'], ['packages/shared/src/runtime']],
    ['pino', ['apps/cli', 'packages/shared/src/tracing'], ['packages/shared/src/runtime']],
    ['@opentelemetry/api', ['packages/shared/src/runtime', 'apps/scheduler'], ['packages/shared/src/tracing']],
    ['@aws-sdk/client-s3', ['apps/upload-worker', 'packages/store', 'packages/backups'], ['packages/store/src/s3']],
    ['@smithy/node-http-handler', ['packages/store'], ['packages/store/src/s3']],
    [
      'execa',
      ['apps/dump-worker', 'packages/scratch', 'packages/catalog/src/folder', 'packages/postgres/src/dump'],
      ['packages/postgres/src/client'],
    ],
    ['@pgstow/testing/x.ts', ['apps/cli', 'packages/shared/src/runtime'], []],
    ['@pgstow/shared/runtime/x.ts', ['packages/shared/src/contract', 'packages/shared/src/config'], ['apps/cli']],
    ['../config/x.ts', ['packages/shared/src/contract'], ['packages/shared/src/runtime']],
    ['../runtime/x.ts', ['packages/shared/src/config'], ['packages/shared/src/tracing']],
    [
      '@pgstow/postgres/client/x.ts',
      ['packages/catalog/src/folder', 'packages/notify', 'apps/upload-worker'],
      ['packages/scratch'],
    ],
    ['@pgstow/postgres/dump/x.ts', ['packages/scratch', 'packages/store'], ['apps/dump-worker']],
    ['@pgstow/store/store.ts', ['packages/catalog/src/folder', 'packages/notify'], ['packages/backups']],
    [
      '@pgstow/store/s3/s3-store.ts',
      ['packages/backups', 'packages/store', 'apps/upload-worker'],
      ['packages/store/src/open', 'apps/cli'],
    ],
    ['@pgstow/catalog/folder/x.ts', ['packages/catalog/src/policy', 'packages/notify'], ['apps/scheduler']],
    ['../restore/x.ts', ['packages/postgres/src/client', 'packages/postgres/src/dump'], []],
    [
      '../client/x.ts',
      [],
      ['packages/postgres/src/proof', 'packages/postgres/src/facts', 'packages/postgres/src/restore'],
    ],
    ['../facts/x.ts', ['packages/postgres/src/proof'], []],
    [
      '../facts/x.ts',
      ['packages/postgres/src/client', 'packages/postgres/src/restore'],
      ['packages/postgres/src/dump'],
    ],
    ['../dump/x.ts', ['packages/postgres/src/facts', 'packages/postgres/src/client'], []],
    ['../../../apps/dump-worker/src/prune.ts', ['apps/upload-worker/src'], []],
  ])('let %s in only where it belongs', (module, refused, allowed) => {
    const forms = [
      `import { x } from '${module}';`,
      `import type { X } from '${module}';`,
      `export * from '${module}';`,
      `const x = await import('${module}');`,
      `let x: import('${module}').X;`,
    ];
    for (const [index, form] of forms.entries()) {
      const at = (room: string): string => `${room}${room.includes('/src') ? '' : '/src'}/probe${index}.ts`;
      for (const room of refused) expect(breachesOf({ [at(room)]: form })).not.toEqual([]);
      for (const room of allowed) expect(breachesOf({ [at(room)]: form })).toEqual([]);
    }
  });

  it.each(['../../shared/src/contract/jobs.ts', '../../../apps/cli/src/program.ts', '../../../scripts/release.ts'])(
    'are entered by their name, and not by %s',
    (path) => {
      expect(breachesOf({ 'packages/backups/src/probe.ts': `import { x } from '${path}';` })).toEqual([
        expect.stringContaining('leaves its package'),
      ]);
    },
  );

  it.each(['apps/scheduler/src/site/x-policy.ts', 'apps/cli/src/x-plan.ts', 'packages/store/src/x-key.ts'])(
    'are pure in %s, by what it imports too, and by what that imports',
    (file) => {
      const bare = { 'packages/shared/src/config/probe.ts': 'export const x = () => Date.now();' };
      const deep = {
        'packages/shared/src/config/probe.ts': "export * from './deeper.ts';",
        'packages/shared/src/config/deeper.ts': "import 'node:fs';",
      };
      const through = "import { x } from '@pgstow/shared/config/probe.ts';";
      expect(breachesOf({ [file]: "import { readFileSync } from 'node:fs';" })).toHaveLength(1);
      expect(breachesOf({ [file]: 'export const now = new Date();' })).toHaveLength(1);
      expect(breachesOf({ [file]: "export const thread = new URL('./read-redis.ts', import.meta.url);" })).not.toEqual(
        [],
      );
      expect(breachesOf({ ...bare, [file]: through })).toEqual([expect.stringContaining('probe.ts > Date.now')]);
      expect(breachesOf({ ...deep, [file]: through })).toEqual([expect.stringContaining('deeper.ts > node:fs')]);
      expect(breachesOf({ ...deep, [file]: through.replace('import', 'import type') })).toEqual([]);
      expect(breachesOf({ [file]: 'export const date = new Date(0);' })).toEqual([]);
    },
  );

  it('have no file with a name that says nothing', () => {
    expect(breachesOf({ 'apps/cli/src/string-utils.ts': '' })).toHaveLength(1);
    expect(breachesOf({ 'apps/cli/src/helper.ts': '' })).toHaveLength(1);
  });
});

/** What is wrong once these files are there, and was not before. */
function breachesOf(files: Readonly<Record<string, string>>): readonly string[] {
  const probes = Object.entries(files).map(([file, text]) => [file, readImports(file, text)] as const);
  return findBreaches(new Map([...sources, ...probes]), rooms);
}

describe('the linter', () => {
  it.each([
    [
      'a cycle',
      'import(no-cycle)',
      { 'a.ts': "import { b } from './b.ts';\nexport const a = b;", 'b.ts': "export { a as b } from './a.ts';" },
    ],
    [
      'a cycle of types',
      'import(no-cycle)',
      {
        'a.ts': "import type { B } from './b.ts';\nexport type A = { b: B };",
        'b.ts': "import type { A } from './a.ts';\nexport type B = { a: A };",
      },
    ],
    [
      'a mocked module',
      'vitest(no-restricted-vi-methods)',
      { 'a.test.ts': "import { vi } from 'vitest';\nvi.mock('./b.ts');" },
    ],
    ['a name in another case', 'unicorn(filename-case)', { 'someFile.ts': 'export const a = 1;' }],
  ])('refuses %s', async (_, rule, files) => {
    await using folder = await fillFolder({ ...files, '.oxlintrc.json': await read('.oxlintrc.json') });
    const { stdout } = await execa(bin('oxlint'), ['--format', 'json'], { cwd: folder.path, reject: false });
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { code: string }[] };
    expect(diagnostics.map(({ code }) => code)).toContain(rule);
  });
});

describe('the compiler', () => {
  it.each([
    ['an enum', 'TS1294', 'export enum A {\n  B,\n}'],
    ['a parameter property', 'TS1294', 'export class A {\n  constructor(readonly b: string) {}\n}'],
    ['an import without .ts', 'TS2835', "import { a } from './b';\nexport const c = a;"],
  ])('refuses %s', async (_, error, text) => {
    await using folder = await fillFolder({
      'package.json': '{ "type": "module" }',
      'tsconfig.json': '{ "extends": "./tsconfig.base.json", "include": ["*.ts"] }',
      'tsconfig.base.json': await read('tsconfig.base.json'),
      'a.ts': text,
      'b.ts': 'export const a = 1;',
    });
    await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
    const { stdout } = await execa(bin('tsc'), ['-p', '.'], { cwd: folder.path, reject: false });
    expect(stdout).toContain(error);
  });
});

function bin(program: string): string {
  return join(ROOT, 'node_modules/.bin', program);
}

function read(file: string): Promise<string> {
  return readFile(join(ROOT, file), 'utf8');
}

async function fillFolder(files: Readonly<Record<string, string>>): ReturnType<typeof tempFolder> {
  const folder = await tempFolder();
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), text);
  }
  return folder;
}
