import { isBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { parseFindingsAcceptanceFileName } from '@pgstow/shared/contract/findings-acceptance.ts';
import { PARTIAL } from '@pgstow/shared/runtime/atomic-file.ts';
import { dumpOf } from './is-record-beside-manifest.ts';

/** Whether a crash left a file: a partial of ours, or a withheld or encrypted manifest without its dump. @param names of the folder */
export function isLeft(file: string, names: ReadonlySet<string>): boolean {
  const isOfDump = file.endsWith('.withheld') || file.endsWith('.manifest.json.age');
  return isOurPartial(file) || (isOfDump && isOurs(file) && !names.has(dumpOf(file)));
}

function isOurPartial(file: string): boolean {
  if (!file.endsWith(PARTIAL)) return false;
  return isOurs(file) || parseFindingsAcceptanceFileName(file.replace(/\.[0-9a-f]+\.partial$/, '')) !== undefined;
}

function isOurs(file: string): boolean {
  return file.includes('.sql.gz') && isBackupName(dumpOf(file));
}
