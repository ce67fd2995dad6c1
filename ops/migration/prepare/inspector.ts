/** Foretells, document by document, what `execute` will do with the files, and lists what is odd about them. */

import { refuseDocument, tooDeepReason } from "../../collections/collection.ts";
import type { Collection, TypedCollection } from "../../collections/collection.ts";
import { toColumnValue } from "../../collections/column.ts";
import type { Column } from "../../collections/column.ts";
import { plannedCollections } from "../../collections/registry.ts";
import { toSettingsRows } from "../../collections/settings.ts";
import { isJsonObject } from "../../json/value.ts";
import type { JsonObject, JsonValue } from "../../json/value.ts";
import { FindingList, toPointer } from "./finding.ts";
import type { QuarantineKind } from "./finding.ts";
import { inspectFields } from "./inspect-fields.ts";
import { inspectValues } from "./inspect-values.ts";
import { lowerCase } from "./lower-case.ts";
import type { ReadDocument } from "./read-documents.ts";
import { findRepeatedKeys } from "./repeated-keys.ts";
import { SeenKeys } from "./seen-keys.ts";
import { showValue } from "./show-value.ts";

/** What `execute` will count for a collection, loaded into an empty database. */
export interface ExpectedLoad {
  /** Elements of the array. */
  documents: number;
  quarantined: number;
  /** Documents with a reference to something that is not there. */
  orphans: number;
  /** Repeated registrations. */
  duplicates: number;
}

/** Inspects collections in loading order: what is referenced has to come first. */
export class Inspector {
  readonly findings = new FindingList();
  /** Ids of the collections that others reference. */
  readonly #targets = new Map<string, SeenKeys>();

  /** Begins with a collection; its documents are to be given in the order of the file. */
  begin(collection: Collection): CollectionInspector {
    const ids = new SeenKeys();
    if (isReferenced(collection.name)) this.#targets.set(collection.name, ids);
    return new CollectionInspector(collection, this.findings, ids, this.#targets);
  }
}

export class CollectionInspector {
  readonly expected: ExpectedLoad = { documents: 0, quarantined: 0, orphans: 0, duplicates: 0 };
  readonly #collection: Collection;
  readonly #findings: FindingList;
  readonly #ids: SeenKeys;
  readonly #targets: ReadonlyMap<string, SeenKeys>;
  readonly #registrations = new SeenKeys();

  constructor(collection: Collection, findings: FindingList, ids: SeenKeys, targets: ReadonlyMap<string, SeenKeys>) {
    this.#collection = collection;
    this.#findings = findings;
    this.#ids = ids;
    this.#targets = targets;
  }

  inspect(read: ReadDocument): void {
    const { index, document } = read;
    this.expected.documents += 1;
    if (read.tooDeep) return this.#quarantine("too-deep", index, "", tooDeepReason);
    this.#inspectAnywhere(read);
    if (this.#collection.kind === "settings") return this.#inspectSettings(document, index);
    const reason = refuseDocument(document, read.flags === 0);
    if (reason !== undefined) return this.#refuse(document, index, reason);
    const { id } = document as JsonObject & { id: string };
    const first = this.#ids.add(id, index);
    if (first !== undefined) return this.#quarantine("duplicate-id", index, "/id", describeRepeated(id, first));
    if (this.#collection.kind === "typed") this.#inspectTyped(this.#collection, document as JsonObject, index);
  }

  #inspectAnywhere({ document, index, flags, spelledKeys, text }: ReadDocument): void {
    const { name } = this.#collection;
    const keys = inspectValues(document, flags, (kind, pointer, message) =>
      this.#findings.add(kind, name, index, pointer, message),
    );
    if (keys === spelledKeys) return;
    for (const pointer of findRepeatedKeys(text())) {
      this.#findings.add("repeated-key", name, index, pointer, repeatedKeyMessage);
    }
  }

  #inspectSettings(document: JsonValue, index: number): void {
    if (index > 0) return this.#quarantine("extra-settings-element", index, "", extraSettingsMessage);
    const rows = toSettingsRows(document);
    if (!("reason" in rows)) return;
    this.#quarantine(isJsonObject(document) ? "unusable-settings-key" : "not-an-object", index, "", rows.reason);
  }

  #refuse(document: JsonValue, index: number, reason: string): void {
    if (!isJsonObject(document)) this.#quarantine("not-an-object", index, "", reason);
    else if (reason === tooDeepReason) this.#quarantine("too-deep", index, "", reason);
    else this.#quarantine("unusable-id", index, Object.hasOwn(document, "id") ? "/id" : "", reason);
  }

  #quarantine(kind: QuarantineKind, index: number, pointer: string, reason: string): void {
    this.expected.quarantined += 1;
    this.#findings.add(kind, this.#collection.name, index, pointer, reason);
  }

  #inspectTyped(collection: TypedCollection, document: JsonObject, index: number): void {
    inspectFields(this.#findings, collection, document, index);
    const missing = collection.columns.filter((column) => this.#isMissing(column, document));
    if (missing.length > 0) this.expected.orphans += 1;
    for (const { field, references } of missing) {
      const message = `names ${showValue(field, document[field]!)}, which is not in ${references}`;
      this.#findings.add("orphan", collection.name, index, toPointer([field]), message);
    }
    this.#inspectRegistration(collection, document, index, missing);
  }

  #isMissing(column: Column, document: JsonObject): boolean {
    if (column.references === undefined) return false;
    const target = columnText(column, document);
    return target !== undefined && this.#targets.get(column.references)?.has(target) !== true;
  }

  /** An orphan has no event any more, so it registers for nothing. */
  #inspectRegistration(
    collection: TypedCollection,
    document: JsonObject,
    index: number,
    missing: readonly Column[],
  ): void {
    if (collection.registration === undefined) return;
    const { event, email } = collection.registration;
    const [eventColumn, emailColumn] = [event, email].map((name) =>
      collection.columns.find((column) => column.name === name)!,
    );
    const [eventId, address] = [columnText(eventColumn!, document), columnText(emailColumn!, document)];
    if (eventId === undefined || address === undefined || missing.includes(eventColumn!)) return;
    const first = this.#registrations.add(`${eventId}\0${lowerCase(address)}`, index);
    if (first === undefined) return;
    this.expected.duplicates += 1;
    const message = `registers for the event ${showValue("eventId", eventId)} with the e-mail of element ${first}`;
    this.#findings.add("duplicate-registration", collection.name, index, toPointer([emailColumn!.field]), message);
  }
}

const repeatedKeyMessage = "stands more than once in its object; only the last value is ever read";
const extraSettingsMessage = "stands behind the only element that the application reads";

function describeRepeated(id: string, first: number): string {
  return `repeats the id ${showValue("id", id)} of element ${first}`;
}

/** The text that the column will hold; undefined when it stays empty. */
function columnText(column: Column, document: JsonObject): string | undefined {
  const value = Object.hasOwn(document, column.field) ? document[column.field]! : null;
  const written = value === null ? null : toColumnValue(column, value);
  return typeof written === "string" ? written : undefined;
}

function isReferenced(name: string): boolean {
  return plannedCollections.some(
    (collection) => collection.kind === "typed" && collection.columns.some(({ references }) => references === name),
  );
}
