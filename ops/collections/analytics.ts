import type { TypedCollection } from "./collection.ts";

export const analytics: TypedCollection = {
  kind: "typed",
  name: "analytics",
  table: "lightningtalk.analytics",
  step: "migrateAnalytics",
  columns: [
    { name: "event_id", field: "eventId", type: "text", indexed: true },
    { name: "action", field: "action", type: "text" },
    { name: "data", field: "data", type: "json" },
    { name: "timestamp", field: "timestamp", type: "timestamp" },
    { name: "date", field: "date", type: "text" },
    { name: "created_at", field: "createdAt", type: "timestamp" },
    { name: "updated_at", field: "updatedAt", type: "timestamp" },
  ],
};
