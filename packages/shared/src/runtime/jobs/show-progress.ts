import type { QueueName } from '../../contract/jobs.ts';
import type { Task } from './task.ts';

/** Maps bytes done to a part of the job's progress, and reports each whole percent once. */
export function showProgress(
  task: Pick<Task<QueueName>, 'progress'>,
  totalBytes: number,
  from: number,
  to: number,
): (bytes: number) => void {
  let shown = from;
  return (bytes) => {
    const percent = Math.floor(from + ((to - from) * Math.min(bytes, totalBytes)) / totalBytes);
    if (percent <= shown) return;
    shown = percent;
    task.progress(percent);
  };
}
