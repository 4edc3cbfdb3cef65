const MIB = 1024 * 1024;
const LEAST_PART_BYTES = 8 * MIB;
/** Parts to begin with: enough to have several under way until the end. */
const FEW_PARTS = 8;
/** From this size on, the store's and our own work for each request no longer counts. */
const LARGE_PART_BYTES = 32 * MIB;
/** Scaleway takes no more: https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/ */
const MODEST_PARTS = 1000;
/** A part that fails is sent again as a whole. */
const MODEST_PART_BYTES = 256 * MIB;
/** AWS takes 10,000: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MOST_PARTS = 10_000;

/** How a file is cut for an upload. One part means that it is put in one request. */
export type PartPlan = {
  /** Size of every part but the last. */
  readonly partBytes: number;
  readonly count: number;
};

/** Plans parts by what a store takes and does well with. Memory sets no limit: a part is sent from the file. */
export function planParts(bytes: number): PartPlan {
  const partBytes = Math.max(
    LEAST_PART_BYTES,
    Math.min(inParts(bytes, FEW_PARTS), LARGE_PART_BYTES),
    Math.min(inParts(bytes, MODEST_PARTS), MODEST_PART_BYTES),
    inParts(bytes, MOST_PARTS),
  );
  return { partBytes, count: Math.max(1, Math.ceil(bytes / partBytes)) };
}

/** Whole MiB in each of at most `count` parts. */
function inParts(bytes: number, count: number): number {
  return Math.ceil(bytes / count / MIB) * MIB;
}
