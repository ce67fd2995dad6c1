import process from "node:process";

/**
 * Hands errors that no promise carries (a timer, an event without a listener) to `handle`, once; without this Node would
 * print them as they are, secrets included, and `--json` would get no answer.
 */
export function catchStrays(handle: (error: unknown) => Promise<void>): { stop(): void } {
  let caught = false;
  const onStray = (error: unknown): void => {
    if (caught) return;
    caught = true;
    void handle(error);
  };
  process.on("uncaughtException", onStray);
  return { stop: () => process.off("uncaughtException", onStray) };
}
