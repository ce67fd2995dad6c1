import { OpsError } from "../../errors.ts";

const smallest = 1000;

/**
 * Numbers of documents between commas, smallest first.
 *
 * @throws OpsError `usage` for anything but whole numbers of at least 1,000
 */
export function parseSizes(text: string): number[] {
  const sizes = text.split(",").map(Number);
  const wrong = sizes.find((size) => !Number.isSafeInteger(size) || size < smallest);
  if (wrong === undefined) return sizes.toSorted((a, b) => a - b);
  throw new OpsError("usage", `--documents ${text}: expected whole numbers of at least ${smallest} between commas.`, {
    hint: "for example --documents 1000000,4000000",
  });
}
