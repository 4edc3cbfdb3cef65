/**
 * Takes the path off a URL under which a proxy serves the board. The proxy may have taken it off itself, and a request past the
 * proxy need not have it.
 *
 * @param path without a slash at the end, such as `/pgstow`; empty: there is none
 */
export function withoutPublicPath(url: string, path: string): string {
  if (path === '' || !url.startsWith(path)) return url;
  const rest = url.slice(path.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : url;
}
