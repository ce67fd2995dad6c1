import { writeFile } from "node:fs/promises";

/** Writes the report of a run as a page, with the command that repeats it. */
export async function writeBenchmarkPage(path: string, sizes: string, report: string[]): Promise<void> {
  const page = [
    "# Benchmarks",
    "",
    "Written by the last run of",
    "",
    "```sh",
    `npm run bench:load -- --documents ${sizes} --write ${path}`,
    "```",
    "",
    "Each command is measured as a whole process, from start to exit, in turn with the others; every measurement has a fresh",
    "database with the final tables. *Limit* is COPY of the very same rows, prepared beforehand. `execute` can be faster than",
    "this limit because it builds secondary indexes and foreign keys at the end",
    "([decision 3](decisions/0003-building-constraints-after-the-load.md)). Ratios are medians over the runs; memory is the",
    "largest resident set of any run. Single times depend on the machine, ratios hardly.",
    "",
    "```",
    ...report,
    "```",
    "",
  ];
  await writeFile(path, page.join("\n"));
}
