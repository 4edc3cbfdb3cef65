import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { readTargets } from '@pgstow/shared/config/targets/read-targets.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { formatTargetsSchema } from '../../../scripts/targets-schema.ts';

const root = join(import.meta.dirname, '../../..');
const example = readFileSync(join(root, 'targets/example.yaml'), 'utf8');

describe('docs/targets.schema.json', () => {
  it('says what the schema says', () => {
    const schema = readFileSync(join(root, 'docs/targets.schema.json'), 'utf8');
    expect(schema, 'run `node scripts/write-configuration.ts`').toBe(formatTargetsSchema());
  });
});

describe('targets/example.yaml', () => {
  it('stands in docs/servers.md as it is', () => {
    expect(readFileSync(join(root, 'docs/servers.md'), 'utf8')).toContain(example);
  });

  it('has no fault, once its secrets are there', async () => {
    await using folder = await tempFolder();
    const text = example.replaceAll('/run/secrets', folder.path);
    for (const name of ['offsite_key_id', 'offsite_key', 'prod_password'])
      await writeFile(join(folder.path, name), `secret-of-${name}`);
    const { servers, faults, warnings, secrets } = readTargets('example.yaml', text, { CRM_PASSWORD: 'x' }, subjects);
    expect({ faults, warnings }).toEqual({ faults: [], warnings: [] });
    expect(secrets).toContain('secret-of-offsite_key');
    const [prod, crm] = servers.map(({ config }) => config);
    expect(prod).toMatchObject({
      postgres: { patterns: ['*'], globals: 'on', password: 'secret-of-prod_password' },
      schedule: { kind: 'cron', timeZone: 'Europe/Berlin', jitterMs: 1_800_000 },
      backup: { folder: '/backups/prod', keepLast: 4, keepPeriods: { monthly: 12 } },
      destinations: [{ destination: { name: 'offsite', prefix: 'postgres/prod/' } }, { destination: { name: 'nas' } }],
    });
    expect(crm).toMatchObject({
      postgres: { databases: ['crm', 'crm_archive'], extraOptions: ['--exclude-table-data=audit.*'] },
      schedule: { kind: 'interval', everyMs: 21_600_000 },
      backup: { keepPeriods: { daily: 30 } },
      verify: { schedule: { kind: 'cron' } },
      destinations: [{ destination: { folder: '/copies', prefix: 'crm/' } }],
      targets: { concurrency: { dump: { perServer: 2 } } },
    });
  });
});
