import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Where something may not be imported, and where it may. */
const walls: readonly (readonly [module: string, refused: readonly string[], allowed: readonly string[]])[] = [
  [
    'bullmq',
    ['apps/cli/src/x.ts', 'packages/store/src/s3-x.ts', 'packages/shared/src/config/x.ts'],
    ['packages/shared/src/runtime/x.ts', 'apps/scheduler/src/web/board.ts'],
  ],
  ['ioredis', ['apps/dump-worker/src/x.ts', 'packages/notify/src/x.ts'], ['packages/shared/src/runtime/x.ts']],
  ['pino', ['apps/cli/src/x.ts', 'apps/scheduler/src/web/board.ts'], ['packages/shared/src/runtime/x.ts']],
  [
    '@opentelemetry/api',
    ['packages/shared/src/runtime/x.ts', 'apps/scheduler/src/x.ts'],
    ['packages/shared/src/tracing/x.ts'],
  ],
  [
    '@aws-sdk/client-s3',
    [
      'apps/upload-worker/src/x.ts',
      'packages/store/src/x.ts',
      'packages/shared/src/runtime/x.ts',
      'packages/shared/src/tracing/x.ts',
    ],
    ['packages/store/src/s3-x.ts'],
  ],
  [
    '@pgstow/testing/x.ts',
    ['apps/cli/src/x.ts', 'packages/shared/src/runtime/x.ts', 'packages/shared/src/contract/x.ts'],
    ['packages/catalog/src/folder/x.test.ts', 'tests/e2e/x.ts'],
  ],
  [
    'node:fs',
    [
      'packages/shared/src/contract/x.ts',
      'packages/catalog/src/policy/x.ts',
      'apps/scheduler/src/site/x-policy.ts',
      'packages/store/src/x-key.ts',
    ],
    ['packages/catalog/src/folder/x.ts'],
  ],
  [
    '@pgstow/shared/runtime/x.ts',
    ['packages/catalog/src/policy/x.ts', 'packages/store/src/x-plan.ts', 'packages/shared/src/contract/x.ts'],
    ['packages/catalog/src/folder/x.ts'],
  ],
  [
    '../runtime/x.ts',
    ['packages/shared/src/contract/x.ts', 'packages/shared/src/config/x.ts'],
    ['packages/shared/src/tracing/x.ts'],
  ],
  ['../config/x.ts', ['packages/shared/src/contract/x.ts'], ['packages/shared/src/runtime/x.ts']],
  ['@pgstow/postgres/client/x.ts', ['packages/catalog/src/folder/x.ts'], ['apps/upload-worker/src/x.ts']],
  [
    '@pgstow/store/x.ts',
    ['packages/catalog/src/folder/x.ts', 'packages/notify/src/x.ts'],
    ['packages/backups/src/x.ts'],
  ],
];

it.each(walls)('the linter holds the wall around %s', async (module, refused, allowed) => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, '.oxlintrc.json'), await readFile(join(ROOT, '.oxlintrc.json')));
  for (const file of [...refused, ...allowed]) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), `import { x } from '${module}';\n\nx();\n`);
  }
  const oxlint = join(ROOT, 'node_modules/.bin/oxlint');
  const { stdout } = await execa(oxlint, ['--format', 'json'], { cwd: folder.path, reject: false });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { code: string; filename: string }[] };
  const found = diagnostics
    .filter(({ code }) => code.includes('no-restricted-imports'))
    .map(({ filename }) => filename);
  expect([...new Set(found)].toSorted()).toEqual(refused.toSorted());
});
