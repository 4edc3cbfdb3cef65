import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { quoteLiteral } from '../client/sql-quote.ts';

/** An extension of a dump. The schema is unknown to manifests of version 0.1, and both are to the dump's own text. */
export type DumpedExtension = {
  readonly name: string;
  readonly version?: string | undefined;
  readonly schema?: string | undefined;
};

/** Lists the extensions of a dump's source; none where they are unknown. */
export function extensionsOf({ needs, source }: Pick<Manifest, 'needs' | 'source'>): readonly DumpedExtension[] {
  const ofSource = Object.entries(source?.extensions ?? {}).map(([name, version]) => [name, { version }] as const);
  const all = new Map<string, Omit<DumpedExtension, 'name'>>([...ofSource, ...Object.entries(needs?.extensions ?? {})]);
  return [...all].map(([name, extension]) => ({ name, ...extension }));
}

/**
 * SQL for those extensions that a server cannot make, a text in each row. Any version will do, but for TimescaleDB: its
 * tables hold what one version alone reads.
 * Source: https://docs.timescale.com/self-hosted/latest/migration/entire-database/
 */
export function listMissingExtensions(wanted: readonly DumpedExtension[]): string {
  const rows = wanted.map(({ name, version, schema }) => {
    const isPinned = name === 'timescaledb' && version !== undefined;
    return `(${quoteLiteral(name)}, ${quoteLiteral(version ?? '')}, ${isPinned}, ${isPinned && !isThereFromTheStart(schema)})`;
  });
  return `
select name || case when is_pinned then ' ' || version else '' end
from (values ${['(null, null, false, false)', ...rows].join(', ')}) wanted(name, version, is_pinned, is_by_default)
where name is not null and not exists (
  select from pg_available_extension_versions v join pg_available_extensions a using (name)
  where v.name = wanted.name and (v.version = wanted.version or not is_pinned)
    and (v.version = a.default_version or not is_by_default))
order by 1`;
}

/** Whether a new database has the schema. A dump makes any other itself, so nothing can be put there before it. */
export function isThereFromTheStart(schema: string | undefined): boolean {
  return schema === 'public' || schema === 'pg_catalog';
}
