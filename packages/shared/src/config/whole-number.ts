import { z } from 'zod';

/**
 * A whole number in decimal digits. Nothing else that JavaScript would take for a number passes: a space is not 0.
 *
 * @param what `a number of seconds`, for the fault
 */
export function wholeNumber(what: string, atLeast: number, atMost: number) {
  const fault = `expected ${what} from ${atLeast} to ${atMost}`;
  return z
    .string()
    .regex(/^\s*\d{1,15}\s*$/, fault)
    .transform(Number)
    .refine((number) => number >= atLeast && number <= atMost, fault);
}
