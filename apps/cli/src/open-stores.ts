import type { S3Config } from '@pgstow/shared/config/s3.ts';
import type { Store } from '@pgstow/store/store.ts';

/** The configured destinations; none if there is no bucket. Their connections are closed by `stack`. */
export async function openStores(
  s3: S3Config | undefined,
  stack: Pick<DisposableStack, 'use'>,
): Promise<readonly Store[]> {
  if (s3 === undefined) return [];
  // The AWS SDK takes a tenth of a second to load.
  const { S3Store } = await import('@pgstow/store/s3/s3-store.ts');
  return [stack.use(new S3Store(s3))];
}
