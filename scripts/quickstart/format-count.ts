/** `12345` to `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}
