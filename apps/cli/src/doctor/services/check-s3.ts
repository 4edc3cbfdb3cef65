import { isS3Config } from '@pgstow/shared/config/subjects/destinations.ts';
import { probeS3 } from '@pgstow/store/s3/probe/probe-s3.ts';
import { findingOf, defineCheck } from '../check.ts';
import { judgeClock } from '../judge-clock.ts';

/** S3 refuses requests whose clock is further off. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList */
const REFUSED_MS = 15 * 60 * 1000;

/** Does once at the store all that uploads do there. */
export const checkS3 = defineCheck({
  name: 's3.put',
  needs: ['destinations'],
  timeoutMs: 90_000,
  async *run({ destinations }, _facts, signal) {
    const s3 = destinations.find(isS3Config);
    if (s3 === undefined && destinations.length > 0) {
      yield findingOf('s3.put').ok('no bucket is configured; dumps are copied to a folder');
      return;
    }
    if (s3 === undefined) {
      yield findingOf('s3.put').warning(
        'no bucket is configured: backups stay in the folder alone, and are lost with its disk',
        'Set S3_BUCKET, and an access key that may put, get and list.',
      );
      return;
    }
    for await (const finding of probeS3(s3, signal)) {
      if (finding.step === 'clock') {
        const clock = judgeClock('s3.clock', "the store's clock", finding.skewMs);
        yield Math.abs(finding.skewMs) < REFUSED_MS ? clock : { ...clock, status: 'fault' };
      } else {
        const { step, ...rest } = finding;
        yield { check: `s3.${step}`, ...rest };
      }
    }
  },
});
