import { findProgram } from '@pgstow/testing/machine/find-program.ts';
import { chromium, type Browser } from 'playwright-core';

const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const program = findProgram('chromium');

export const hasBrowser = program !== undefined;

/** A Chromium without a window; dispose closes it. */
export const launchBrowser = (...flags: readonly string[]): Promise<Browser> =>
  chromium.launch({ executablePath: program ?? '', args: [...FLAGS.split(' '), ...flags] });
