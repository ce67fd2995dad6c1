import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // Processes rather than threads: a test file may change signals, umask and working directory without disturbing others.
    pool: "forks",
    // Beside each worker work the PostgreSQL server and the child processes of the scripts under test.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
