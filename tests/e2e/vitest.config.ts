import { defineConfig } from 'vitest/config';
import everything from '../../vitest.config.ts';

export default defineConfig({ test: { ...everything.test, setupFiles: ['stage/check-leaks.ts'] } });
