/**
 * Keeps compiled code between runs: without it, every start and every worker thread strips the types of every module
 * again, which costs 0.2 s and 30 MiB each (https://nodejs.org/docs/latest-v24.x/api/module.html#module-compile-cache).
 *
 * A cache that cannot be written is done without. Entries are found by the content of the file, so none can be out of date.
 */

import module from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../../node_modules/.cache/lightningtalk-db/compiled", import.meta.url));

module.enableCompileCache(directory);
// Worker threads and child processes look for the variable.
process.env["NODE_COMPILE_CACHE"] ??= directory;
