/** Where bull-board is. */
export const BOARD_PATH = '/queues';
