/** Path of bull-board. */
export const BOARD_PATH = '/queues';
