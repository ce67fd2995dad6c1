import { formatTable } from "../../cli/table.ts";
import type { Finding, FindingGroup, Severity } from "./finding.ts";
import type { PrepareResult } from "./prepare.ts";

const shownSamples = 5;
const headings: Record<Severity, string> = {
  quarantine: "quarantine",
  unseen: "not read",
  kept: "kept",
};

/** What `prepare` prints when it is done: files, findings by kind, the backup set, and what comes next. */
export function describePrepare(result: PrepareResult): string[] {
  const { backup, quarantined, acceptFlag, nextCommand } = result;
  return [
    ...describeFiles(result),
    "",
    ...result.findings.flatMap(describeGroup),
    ...result.ignored.map((file) => `ignored  ${file} holds no array`),
    ...result.loadedOtherwise.map(
      (file) => `loaded before  another version of ${file} is in the database: execute needs --replace`,
    ),
    ...(result.databaseSpaceChecked
      ? []
      : ["The disk of the database cannot be seen from here: check its free space where it runs."]),
    backup === undefined
      ? "A backup set would be made."
      : `Backup set: ${backup.set.path}${backup.reused ? " (made before, still intact)" : ""}`,
    ...(acceptFlag === undefined
      ? []
      : [
          `${quarantined} documents cannot be rows. Look at them above; execute accepts exactly these with ${acceptFlag}.`,
        ]),
    `Next: ${nextCommand}`,
  ];
}

function describeFiles({ files }: PrepareResult): string[] {
  const heading = ["file", "documents", "bytes", "orphans", "duplicates", "quarantine", "sha256"];
  const rows = files.map(({ file, fingerprint, expected }) => {
    const { documents, orphans, duplicates, quarantined } = expected;
    return [file, documents, fingerprint.size, orphans, duplicates, quarantined, fingerprint.sha256.slice(0, 12)];
  });
  return formatTable(heading, rows);
}

function describeGroup({ kind, severity, collection, count, samples }: FindingGroup): string[] {
  const shown = samples.slice(0, shownSamples);
  const more = count > shown.length ? [`    ... ${(count - shown.length).toLocaleString("en-US")} more`] : [];
  return [
    `${headings[severity]}  ${kind}  ${collection}: ${count.toLocaleString("en-US")}`,
    ...shown.map(describeFinding),
    ...more,
  ];
}

function describeFinding({ index, pointer, message }: Finding): string {
  return printable(`    element ${index}${pointer === "" ? "" : ` ${pointer}`} ${message}`);
}

/** Keys and values come from users of the application: an escape sequence in them must not speak to the terminal. */
function printable(line: string): string {
  return line.replaceAll(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
