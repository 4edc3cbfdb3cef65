import { isFolderConfig, type DestinationConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import type { Store } from '../store.ts';

/**
 * Opens the store of a destination. Dispose ends its connections. Each kind is loaded where it is wanted: the AWS SDK takes a
 * tenth of a second, and memory.
 *
 * @param warn called once for each thing that the store cannot do and that is left out from then on
 */
export async function openStore(
  config: DestinationConfig,
  warn: (sentence: string) => void = () => undefined,
): Promise<Store & Disposable> {
  if (isFolderConfig(config)) {
    const { FolderStore } = await import('../folder/folder-store.ts');
    return new FolderStore(config);
  }
  const { S3Store } = await import('../s3/s3-store.ts');
  return new S3Store(config, (_extra, sentence) => warn(sentence));
}
