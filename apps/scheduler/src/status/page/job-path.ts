import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import { BOARD_PATH } from '../../web/board-path.ts';

/** The path of a job on the board, relative to the page. */
export function jobPath(queue: QueueName, id: string): string {
  return `.${BOARD_PATH}/queue/${queue}/${encodeURIComponent(id)}`;
}
