import process from "node:process";

import { OpsError } from "../errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * One Ctrl-C reaches the process twice when npm runs it (from the terminal and forwarded by npm), so what follows within
 * this time is the same press.
 */
const SAME_PRESS_MS = 400;

export interface InterruptWatch {
  readonly signal: AbortSignal;
  /** Gives the signals back to Node. */
  stop(): void;
}

/**
 * Turns the first Ctrl-C or SIGTERM into an aborted signal, whose reason is an OpsError `interrupted`, and the second one
 * into an immediate exit with code 1.
 *
 * @param onFirst told the signal's name once, to say that the command is stopping
 */
export function watchInterrupts(onFirst: (name: NodeJS.Signals) => void): InterruptWatch {
  const controller = new AbortController();
  let firstAt = 0;

  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt >= SAME_PRESS_MS) process.exit(1);
      return;
    }
    firstAt = performance.now();
    onFirst(name);
    controller.abort(interruptedError(name));
  };

  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

function interruptedError(name: NodeJS.Signals): OpsError {
  return new OpsError("interrupted", `Stopped by ${name === "SIGINT" ? "Ctrl-C" : name} before the end.`, {
    hint: "run the same command again: it goes on from what is already done",
  });
}
