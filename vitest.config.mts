import { defineConfig } from 'vitest/config';

const withEngine = { globalSetup: 'test/support/engine-setup.ts', testTimeout: 90_000, hookTimeout: 90_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...withEngine } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...withEngine } },
    ],
  },
});
