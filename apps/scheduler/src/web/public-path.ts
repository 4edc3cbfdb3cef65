/**
 * A request's URL without the path under which a proxy serves the board. A proxy may pass that path on or take it away, and
 * whoever asks without the proxy need not know it.
 *
 * @param path without a slash at the end, such as `/pgstow`; empty: there is none
 */
export function withoutPublicPath(url: string, path: string): string {
  if (path === '' || !url.startsWith(path)) return url;
  const rest = url.slice(path.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : url;
}
