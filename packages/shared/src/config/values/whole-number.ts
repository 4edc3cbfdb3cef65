import { z } from 'zod';

/**
 * A whole number in decimal digits. Nothing else passes that JavaScript takes for a number, such as a space for 0.
 *
 * @param what the fault's name for it, such as `a number of seconds`
 */
export function wholeNumber(what: string, atLeast: number, atMost: number) {
  const fault = `expected ${what} from ${atLeast} to ${atMost}`;
  return z
    .string()
    .regex(/^\s*\d{1,15}\s*$/, fault)
    .transform(Number)
    .refine((number) => number >= atLeast && number <= atMost, fault);
}
