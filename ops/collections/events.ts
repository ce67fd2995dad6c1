import type { TypedCollection } from "./collection.ts";

export const events: TypedCollection = {
  kind: "typed",
  name: "events",
  table: "lightningtalk.events",
  step: "migrateEvents",
  columns: [
    { name: "title", field: "title", type: "text" },
    { name: "description", field: "description", type: "text" },
    { name: "date", field: "date", type: "timestamp" },
    { name: "end_date", field: "endDate", type: "timestamp" },
    { name: "venue", field: "venue", type: "json" },
    { name: "status", field: "status", type: "text" },
    { name: "registration_open", field: "registrationOpen", type: "boolean" },
    { name: "talk_submission_open", field: "talkSubmissionOpen", type: "boolean" },
    { name: "max_talks", field: "maxTalks", type: "integer" },
    { name: "talk_duration", field: "talkDuration", type: "integer" },
    { name: "status_change_reason", field: "statusChangeReason", type: "text" },
    { name: "status_changed_at", field: "statusChangedAt", type: "timestamp" },
    { name: "cancel_reason", field: "cancelReason", type: "text" },
    { name: "cancelled_at", field: "cancelledAt", type: "timestamp" },
    { name: "main_image", field: "mainImage", type: "json" },
    { name: "created_at", field: "createdAt", type: "timestamp" },
    { name: "updated_at", field: "updatedAt", type: "timestamp" },
  ],
};
