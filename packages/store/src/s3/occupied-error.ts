/** An object lies there already, as a store says by status 412. */
export class OccupiedError extends Error {
  override readonly name = 'OccupiedError';
}
