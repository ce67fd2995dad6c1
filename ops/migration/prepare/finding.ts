/** What `prepare` has to say about documents: counted in full, shown by samples, so that memory stays bounded. */

/** Documents of these kinds cannot be rows: `execute` puts them into quarantine. */
export const quarantineKinds = [
  "not-an-object",
  "unusable-id",
  "duplicate-id",
  "too-deep",
  "extra-settings-element",
  "unusable-settings-key",
] as const;

/** Kept without loss, but not as a column of the right type, or not as one would expect. */
export const keptKinds = [
  "orphan",
  "duplicate-registration",
  "type-mismatch",
  "null-value",
  "time-without-zone",
  "not-a-time",
  "respelled-time",
  "too-long-for-index",
  "unstorable-text",
  "inexact-number",
  "similar-keys",
  "unknown-field",
] as const;

/** A key that stands twice in one object: no JSON reader sees the first value, so neither store has it, only the backup. */
export const unseenKinds = ["repeated-key"] as const;

export type QuarantineKind = (typeof quarantineKinds)[number];
export type FindingKind = QuarantineKind | (typeof keptKinds)[number] | (typeof unseenKinds)[number];
export type Severity = "quarantine" | "kept" | "unseen";

export interface Finding {
  kind: FindingKind;
  severity: Severity;
  collection: string;
  /** Index in the array. */
  index: number;
  /** RFC 6901, relative to the document; "" for the document itself. */
  pointer: string;
  /** Continues the sentence that the place begins: "has no id". */
  message: string;
}

/** All findings of one kind in one collection. */
export interface FindingGroup {
  kind: FindingKind;
  severity: Severity;
  collection: string;
  count: number;
  /** The first ones; of kinds that concern a field as such, the first of each field. */
  samples: Finding[];
  /** Findings per field, for kinds that concern a field as such; the first 200 fields. */
  fields: Record<string, number>;
}

const maximumSamples = 20;
const maximumFields = 200;

export class FindingList {
  readonly #groups = new Map<string, FindingGroup & { names: Map<string, number> }>();

  /** Adds a finding about one document. */
  add(kind: FindingKind, collection: string, index: number, pointer: string, message: string): void {
    const group = this.#group(kind, collection);
    group.count += 1;
    if (group.samples.length < maximumSamples) group.samples.push(toFinding(group, index, pointer, message));
  }

  /** Adds a finding that all documents with the field share: one sample per field. */
  addField(kind: FindingKind, collection: string, index: number, field: string, describe: () => string): void {
    const group = this.#group(kind, collection);
    group.count += 1;
    const seen = group.names.get(field);
    if (seen === undefined && group.names.size >= maximumFields) return;
    group.names.set(field, (seen ?? 0) + 1);
    if (seen === undefined && group.samples.length < maximumSamples) {
      group.samples.push(toFinding(group, index, toPointer([field]), describe()));
    }
  }

  /** Groups of what costs a row first, then by collection in the order of reading. */
  groups(): FindingGroup[] {
    const order: Severity[] = ["quarantine", "unseen", "kept"];
    const groups = [...this.#groups.values()].map(({ names, ...group }) => ({
      ...group,
      fields: Object.fromEntries(names),
    }));
    return groups.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  }

  #group(kind: FindingKind, collection: string): FindingGroup & { names: Map<string, number> } {
    const key = `${kind} ${collection}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { kind, severity: severityOf(kind), collection, count: 0, samples: [], fields: {}, names: new Map() };
      this.#groups.set(key, group);
    }
    return group;
  }
}

/** A JSON pointer (RFC 6901) of keys and indexes. */
export function toPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function toFinding(
  { kind, severity, collection }: FindingGroup,
  index: number,
  pointer: string,
  message: string,
): Finding {
  return { kind, severity, collection, index, pointer, message };
}

function severityOf(kind: FindingKind): Severity {
  if ((quarantineKinds as readonly string[]).includes(kind)) return "quarantine";
  return (unseenKinds as readonly string[]).includes(kind) ? "unseen" : "kept";
}
