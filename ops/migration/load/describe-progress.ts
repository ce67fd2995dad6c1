import type { LoadProgress } from "./load-progress.ts";

/** A collection's counts in words: `1,000 documents, 2 orphans`. */
export function describeProgress({ documents, quarantined, orphans, duplicates }: LoadProgress): string {
  const parts = [counted(documents, "document")];
  if (orphans > 0) parts.push(`${counted(orphans, "orphan")} kept`);
  if (duplicates > 0) parts.push(`${counted(duplicates, "duplicate registration")} kept`);
  if (quarantined > 0) parts.push(`${quarantined} quarantined`);
  return parts.join(", ");
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
