import { globSync, readFileSync } from 'node:fs';

// Adds up the results that every package's tests write, also when Turbo takes them from its cache.
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const file of globSync('{apps,packages,tests}/*/.vitest/results.json')) {
  const results = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  totals.passed += results['numPassedTests'] ?? 0;
  totals.failed += results['numFailedTests'] ?? 0;
  totals.skipped += (results['numPendingTests'] ?? 0) + (results['numTodoTests'] ?? 0);
}
console.log(`tests: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1;
