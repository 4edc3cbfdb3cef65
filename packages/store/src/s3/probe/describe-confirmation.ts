import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { Comparison } from '../../object-comparison.ts';
import { checksumAlgorithm } from '../s3-client.ts';
import type { Found } from './probe-finding.ts';

/**
 * Says how uploads are confirmed.
 *
 * @param comparison of the trial's object
 * @param unknown the sentence that says that the store does not know checksums, if it does not
 */
export function describeConfirmation(comparison: Comparison, config: S3Config, unknown: string | undefined): Found {
  if (comparison.verdict === 'same') {
    if (comparison.by === 'checksum')
      return { status: 'ok', message: 'uploads are confirmed by the checksum that the store keeps' };
    const confirmed = "uploads are confirmed by the store's ETag";
    if (unknown !== undefined) return { status: 'ok', message: `${confirmed}; ${unknown}` };
    const isLost = checksumAlgorithm(config) !== undefined;
    return { status: 'ok', message: `${confirmed}${isLost ? '; it does not keep the checksum that is sent' : ''}` };
  }
  if (config.confirm === 'read') return { status: 'ok', message: 'uploads are confirmed by reading them back' };
  return {
    status: 'warning',
    message: `uploads can be confirmed by their size alone: ${comparison.why}`,
    hint: 'Set S3_CONFIRM=read to have each upload read back, or S3_CHECKSUM=sha256 if the store keeps it.',
  };
}
