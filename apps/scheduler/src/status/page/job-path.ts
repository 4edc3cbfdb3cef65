import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import { BOARD_PATH } from '../../web/board-path.ts';

/** Where the board shows a job, as seen from the page. */
export function jobPath(queue: QueueName, id: string): string {
  return `.${BOARD_PATH}/queue/${queue}/${encodeURIComponent(id)}`;
}
