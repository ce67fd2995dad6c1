// Runs beside a test run: removes the run's server once the run is gone without having done so itself. The end of
// standard input tells, and that comes however the run dies.
import { rm } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { discardLocalServer } from "../../ops/platform/discard-local.ts";

const home = process.argv[2];
if (home === undefined) throw new Error("Expected the home of the test run as argument.");
await text(process.stdin);
await discardLocalServer(home);
await rm(home, { recursive: true, force: true });
