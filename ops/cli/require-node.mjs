// Runs before any .ts file is imported: an older Node fails on those with a syntax error that tells nobody what to do.
// Only syntax and functions that old Nodes know, for the same reason.
import process from "node:process";

const MAJOR = 24;
const MINOR = 12;

const parts = process.versions.node.split(".");
const major = Number(parts[0]);
const minor = Number(parts[1]);
const tooOld = major < MAJOR || (major === MAJOR && minor < MINOR);

if (tooOld) {
  const message =
    "lightningtalk-db needs Node " + MAJOR + "." + MINOR + " or newer, this is " + process.versions.node + ".";
  const hint = "run `npm ci` once (it installs a fitting Node), then start with `npx zx ops/...`";
  if (process.argv.includes("--json")) {
    process.stdout.write(JSON.stringify({ ok: false, error: { code: "node-too-old", message, hint } }) + "\n");
  } else {
    process.stderr.write("Error: " + message + " Next: " + hint + "\n");
  }
  process.exit(2);
}
