import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** An object lies in an archive: it cannot be read before it is restored there. */
export class ArchivedError extends PermanentError {}
