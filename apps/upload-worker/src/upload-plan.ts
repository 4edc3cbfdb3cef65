import type { Inspection } from './inspect-object.ts';

/** The action for a dump at a destination, and why. */
export type UploadPlan = {
  readonly action: 'create' | 'replace' | 'nothing' | 'refuse';
  readonly reason: string;
};

/**
 * Decides what to do where something may lie under a dump's key already.
 *
 * @param isOurs whether there is evidence that what lies there was this dump once
 */
export function decideUpload(found: Inspection, isOurs: boolean): UploadPlan {
  if (found.verdict === 'absent') return { action: 'create', reason: 'nothing lies there' };
  if (found.verdict === 'same') return { action: 'nothing', reason: 'it lies there already' };
  return isOurs
    ? { action: 'replace', reason: `the copy there is damaged: ${found.why}` }
    : { action: 'refuse', reason: `something else lies there: ${found.why}` };
}
