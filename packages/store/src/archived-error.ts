import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** Says that an object is there and lies in an archive: nobody can read it before it was restored there. */
export class ArchivedError extends PermanentError {}
