import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/**
 * The access key may not read what lies under a key. Without the right to list, the store answers the same where nothing lies, so
 * this says neither that an object is there nor that it is gone.
 */
export class HiddenError extends PermanentError {}
