import type { View } from './status-page-options.ts';

/** The path of a view, relative to the page. */
export function viewPath(view: View): string {
  const query = new URLSearchParams('database' in view ? { database: view.database } : { from: String(view.from) });
  return 'from' in view && view.from === 0 ? './' : `./?${query.toString()}`;
}
