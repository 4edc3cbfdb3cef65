import { LeakCheck } from '@pgstow/testing/processes/leak-check.ts';
import { afterAll } from 'vitest';

const check = new LeakCheck();
afterAll(() => check.end());
