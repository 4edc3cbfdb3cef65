import { expect, it } from 'vitest';
import { dumpOf, isRecordBesideManifest } from './is-record-beside-manifest.ts';

const PLAIN = 'backup_a_20260101_000000.sql.gz';

it.each([
  [`${PLAIN}.s3.receipt.json`, PLAIN],
  [`${PLAIN}.age.s3.receipt.json`, `${PLAIN}.age`],
  [`${PLAIN}.age-store.receipt.json`, PLAIN],
  [`${PLAIN}.age.accepted.json`, `${PLAIN}.age`],
  [`${PLAIN}.age.manifest.json.age`, `${PLAIN}.age`],
])('%s belongs to %s', (file, dump) => {
  expect(dumpOf(file)).toBe(dump);
  expect(isRecordBesideManifest(file)).toBe(true);
});
