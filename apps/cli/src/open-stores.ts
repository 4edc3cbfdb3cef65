import type { S3Config } from '@pgstow/shared/config/s3.ts';
import { S3Store } from '@pgstow/store/s3-store.ts';
import type { Store } from '@pgstow/store/store.ts';

/** The configured destinations; none if there is no bucket. Their connections are closed by `stack`. */
export function openStores(s3: S3Config | undefined, stack: Pick<DisposableStack, 'use'>): readonly Store[] {
  return s3 === undefined ? [] : [stack.use(new S3Store(s3))];
}
