import process from "node:process";

/**
 * Keeps a reader that went away (`| head`) from killing a command in the middle of its work.
 *
 * Other errors of stdout are not lost: `writeOut` rejects with them.
 */
export function tolerateClosedPipes(): void {
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}

/**
 * Writes to stdout and returns when the text has left the process: an exit before that would cut a long result in a pipe.
 *
 * @throws the stream's error, except EPIPE: nobody is left to read.
 */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null || isClosedPipe(error)) resolve();
      else reject(error);
    });
  });
}

/** Writes to stderr and returns when the text has left the process, or nobody can read it any more. */
export function writeErr(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stderr.write(text, () => resolve());
  });
}

function isClosedPipe(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}
