import type { HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';

/** The JSON that an endpoint has received under a path. */
export function postedTo({ requests }: HttpEndpoint, path = '/'): readonly Readonly<Record<string, string>>[] {
  return requests
    .filter((request) => request.path.startsWith(path))
    .map(({ json }) => json as Readonly<Record<string, string>>);
}
