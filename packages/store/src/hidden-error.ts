import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/**
 * Says that this access key may not read what lies under a key. To a key without the right to list, the store answers the
 * same where nothing lies: so it is evidence of neither.
 */
export class HiddenError extends PermanentError {}
