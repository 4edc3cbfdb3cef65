import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** No object lies under a key that was to be read. */
export class MissingError extends PermanentError {}
