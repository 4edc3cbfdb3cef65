import type { Target } from '@pgstow/shared/contract/target.ts';
import type { View } from './status-page-options.ts';

/** The query of a view of one database. */
export function viewQuery({ server, database }: Target): Readonly<Record<string, string>> {
  return { ...(server === undefined ? {} : { server }), database };
}

/** The path of a view, relative to the page. */
export function viewPath(view: View): string {
  const query = new URLSearchParams('database' in view ? viewQuery(view) : { from: String(view.from) });
  return 'from' in view && view.from === 0 ? './' : `./?${query.toString()}`;
}
