import type { Reporter } from "../../../ops/cli/reporter.ts";

/** Runs the steps and says nothing. */
export const silentReporter: Reporter = {
  step: async (_title, run) => await run(() => undefined),
  note: () => undefined,
  warn: () => undefined,
  detail: () => undefined,
  progress: () => ({ update: () => undefined, finish: () => undefined, clear: () => undefined }),
};
