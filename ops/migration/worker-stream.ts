/**
 * Values made in a worker thread and consumed in the main one, in order, with a bounded number under way: the thread may
 * only send when it was asked to.
 */

import { Worker, parentPort } from "node:worker_threads";
import { OpsError } from "../errors.ts";

type Message<T> =
  | { type: "value"; value: T }
  | { type: "end" }
  | {
      type: "failed";
      code: string;
      message: string;
      hint: string | undefined;
      details: Readonly<Record<string, unknown>>;
    };

/** Values that may be under way at once: one being consumed, one waiting, one in the making. */
const valuesAhead = 2;
/** Small young generations keep the peak low; almost nothing in such a thread lives longer than a value. */
const resourceLimits = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 1024 };

/**
 * Starts `script` as a worker thread and yields what it sends; ends the thread when the consumer stops.
 *
 * @param workerData what the script finds under that name
 * @throws OpsError of the thread, with its code, hint and details
 */
export async function* receive<T>(script: URL, workerData: unknown): AsyncGenerator<T> {
  const worker = new Worker(script, { workerData, resourceLimits });
  const messages = new MessageQueue<Message<T>>(worker);
  try {
    for (let i = 0; i < valuesAhead; i += 1) worker.postMessage("next");
    for (;;) {
      const message = await messages.next();
      if (message.type === "failed") throw new OpsError(message.code, message.message, message);
      if (message.type === "end") return;
      yield message.value;
      worker.postMessage("next");
    }
  } finally {
    await worker.terminate();
  }
}

/**
 * One thread's stream as consecutive segments, one for each of its tasks, so that the thread starts once and works ahead
 * across their borders.
 */
export class Segments<T extends { last: boolean }> implements AsyncDisposable {
  readonly #values: AsyncGenerator<T>;

  /** @param values each segment ends with a value that is marked as its last */
  constructor(values: AsyncGenerator<T>) {
    this.#values = values;
  }

  /** The next segment; it has to be consumed to its end before the one after it. */
  async *next(): AsyncGenerator<T> {
    for (;;) {
      const { value, done } = await this.#values.next();
      if (done === true) throw new Error("A worker thread sent fewer segments than it was asked for.");
      yield value;
      if (value.last) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#values.return(undefined);
  }
}

/** A worker's messages in order, one promise at a time. */
class MessageQueue<T> {
  readonly #arrived: T[] = [];
  #failure: Error | undefined;
  #notify: (() => void) | undefined;

  constructor(worker: Worker) {
    worker.on("message", (message: T) => {
      this.#arrived.push(message);
      this.#notify?.();
    });
    worker.on("error", (error) => this.#fail(error as Error));
    worker.on("exit", () => this.#fail(new Error("A worker thread ended early.")));
  }

  async next(): Promise<T> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => (this.#notify = resolve));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#notify?.();
  }
}

/**
 * The thread's side: sends each value when it is asked for. Called once, as the last thing a worker script does.
 *
 * @param transfer buffers of a value that move to the receiver instead of being copied
 */
export async function sendAll<T>(values: AsyncIterable<T>, transfer: (value: T) => ArrayBuffer[]): Promise<void> {
  const port = parentPort!;
  const credits = new Credits();
  const send = async (message: Message<T>, buffers: ArrayBuffer[]): Promise<void> => {
    await credits.take();
    port.postMessage(message, buffers);
  };
  try {
    for await (const value of values) await send({ type: "value", value }, transfer(value));
    await send({ type: "end" }, []);
  } catch (error) {
    // An error's class does not survive the passage between threads; its fields do.
    if (!(error instanceof OpsError)) throw error;
    const { code, message, hint, details } = error;
    await send({ type: "failed", code, message, hint, details }, []);
  } finally {
    port.close();
  }
}

class Credits {
  #available = 0;
  #wake: (() => void) | undefined;

  constructor() {
    parentPort!.on("message", () => {
      this.#available += 1;
      this.#wake?.();
    });
  }

  async take(): Promise<void> {
    while (this.#available === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#available -= 1;
  }
}
