import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { isPinned } from '@pgstow/catalog/folder/is-pinned.ts';
import { readVerdicts } from '@pgstow/catalog/folder/read-verdicts.ts';
import { retentionPolicyOf } from '@pgstow/catalog/policy/retention-policy.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { DumpContext } from './context.ts';

/** Dumps that are deleted together: the folder is listed and synced once for all. A crash meanwhile leaves as many to prove anew. */
const AT_ONCE = 100;

/** Deletes those dumps of the job's target that the retention policy releases. A fault is logged, and costs no backup. */
export async function prune(
  task: Task<'dump'>,
  { backup, records, verify, destinations, notifier }: DumpContext,
): Promise<void> {
  const { target } = task.data;
  try {
    const policy = retentionPolicyOf(backup, verify, [...destinations.values()]);
    const {
      verdicts: all,
      frozen,
      surplus,
      faults,
    } = await readVerdicts(records, policy, new Date(), { databases: [target] });
    for (const fault of faults) task.log.warn(fault);
    const verdicts = all.get(target) ?? [];
    for (const { name, action, reason } of verdicts)
      if (action === 'keep') task.log.debug({ dump: name, reason }, 'kept');
    const released = verdicts.filter(({ action }) => action === 'delete');
    for (let done = 0; done < released.length; done += AT_ONCE) {
      const these = released.slice(done, done + AT_ONCE).filter(({ name }) => !isPinned(backup.folder, name));
      await deleteDump(backup.folder, ...these.map(({ name }) => name));
      for (const { name, reason } of these) task.note(`deleted ${name}: ${reason}`);
    }
    const gone = surplus.get(target) ?? [];
    if (gone.length > 0) {
      await deleteDump(backup.folder, ...gone);
      task.note(`dropped the records of ${gone.length} older dumps that lie elsewhere, and stay there`);
    }
    notifier.pruned(target, frozen.get(target));
    const held = verdicts.slice(0, -backup.keepLast).filter(({ action }) => action === 'keep');
    if (held[0] !== undefined) {
      task.note(`kept ${held.length} beyond the ${backup.keepLast} newest; ${held[0].name}: ${held[0].reason}`);
    }
  } catch (error) {
    task.log.error({ err: describeError(error) }, 'prune failed; what it left is tried again after the next dump');
  }
}
