/**
 * The part of Redis that holds what the workers of a site keep about one server: its locks, published catalog, history and traces.
 * For the server of stack.env it is the site's own name. A site's name has no colon, and no queue is called `server`.
 */
export function scopeOf(site: string, server: string | undefined): string {
  return server === undefined ? site : `${site}:server:${server}`;
}
