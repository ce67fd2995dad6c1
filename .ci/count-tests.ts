import { readFileSync } from "node:fs";
import process from "node:process";

/** The counts of vitest's JSON report that matter here. */
interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
}

const NOTHING_RAN: TestReport = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };

const [path = "", exitCode = ""] = process.argv.slice(2);
const report = readReport(path);

// A file that cannot be loaded, or a server that does not start, fails the run without failing any single test.
const broken = exitCode !== "0" || report.numPassedTests === 0;
const failed = Math.max(report.numFailedTests, broken ? 1 : 0);
const skipped = report.numPendingTests + report.numTodoTests;
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = failed > 0 ? 1 : 0;

function readReport(file: string): TestReport {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as TestReport;
  } catch (error) {
    process.stderr.write(`No test report: ${(error as Error).message}\n`);
    return NOTHING_RAN;
  }
}
