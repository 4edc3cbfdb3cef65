import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readVerdicts } from '@pgstow/catalog/folder/read-verdicts.ts';
import { retentionPolicyOf } from '@pgstow/catalog/policy/retention-policy.ts';
import type { Command } from 'commander';
import { failure, misuse } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatName } from '../format/format-text.ts';
import { readSettings } from '../read-settings.ts';

const EXAMPLES = `
The dump worker alone deletes: it prunes after each dump, by the same rules.

Example:
  pgstow prune --dry-run shop`;

/** `pgstow prune --dry-run`: the retention policy's verdict on each dump, and why. */
export function addPrune(pgstow: Command): void {
  pgstow
    .command('prune')
    .description('show which dumps in the folder would be deleted now, and why; nothing is deleted')
    .argument('[database]', 'only dumps of this database')
    .option('--dry-run', 'needed: pgstow prune deletes nothing')
    .addHelpText('after', EXAMPLES)
    .action(showVerdicts);
}

async function showVerdicts(database: string | undefined, { dryRun }: { readonly dryRun?: true }): Promise<void> {
  if (dryRun !== true) {
    throw misuse(
      'this command deletes nothing: the dump worker prunes after each dump',
      'Add --dry-run to see what it would delete now.',
    );
  }
  const { backup, s3, verify } = readSettings('backup', 's3', 'verify');
  const policy = retentionPolicyOf(backup, verify, s3?.destination);
  const { verdicts, faults } = await readVerdicts(backup.folder, policy, new Date()).catch((error: unknown) => {
    throw unreadableFolder(error, backup.folder);
  });
  const shown = [...verdicts].filter(([name]) => database === undefined || name === database);
  for (const [name, theirs] of shown.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rows = theirs.toReversed().map(({ action, name, reason }) => [action, name, reason]);
    console.log(`${formatName(name)}\n${formatTable(['VERDICT', 'DUMP', 'BECAUSE'], rows)}\n`);
  }
  if (shown.length === 0)
    console.log(`no dump${database === undefined ? '' : ` of ${database}`} lies in ${backup.folder}`);
  if (faults.length > 0) throw failure(faults.join('\n'));
}
