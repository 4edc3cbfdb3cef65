const MIB = 1024 * 1024;
/** The least that S3 allows: a part is held in memory while it is read and sent. */
const LEAST_PART_BYTES = 5 * MIB;
/** S3 takes 10,000 parts: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MOST_PARTS = 9000;
/** Memory for the parts that are being sent, besides one that is being read. */
const IN_FLIGHT_BYTES = 16 * MIB;

/** How a file is cut for an upload. One part means that it is put in one request. */
export type PartPlan = {
  /** Size of every part but the last. */
  readonly partBytes: number;
  readonly count: number;
  /** Parts under way at a time. */
  readonly concurrency: number;
};

export function planParts(bytes: number): PartPlan {
  const partBytes = Math.max(LEAST_PART_BYTES, Math.ceil(Math.ceil(bytes / MOST_PARTS) / MIB) * MIB);
  return {
    partBytes,
    count: Math.max(1, Math.ceil(bytes / partBytes)),
    concurrency: Math.max(1, Math.min(2, Math.floor(IN_FLIGHT_BYTES / partBytes))),
  };
}
