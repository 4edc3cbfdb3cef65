/** Options of psql for answers that a program reads: nothing of the user's own settings, no question, and rows alone. */
export const ROWS_ALONE = ['--no-psqlrc', '--no-password', '--quiet', '--tuples-only', '--no-align'] as const;
