const CAP_MS = 30 * 60 * 1000;

/**
 * Time to wait before the next attempt: a random time under a ceiling that doubles from `baseMs` with each attempt
 * and stops at 30 minutes ("full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attemptsMade 1 after the first failed attempt
 */
export function retryDelayMs(attemptsMade: number, baseMs: number, random: () => number = Math.random): number {
  const ceiling = Math.min(CAP_MS, baseMs * 2 ** (attemptsMade - 1));
  return Math.ceil(random() * ceiling);
}
