import type { TypedCollection } from "./collection.ts";

export const participants: TypedCollection = {
  kind: "typed",
  name: "participants",
  table: "lightningtalk.participants",
  step: "migrateParticipants",
  registration: { event: "event_id", email: "email" },
  columns: [
    { name: "event_id", field: "eventId", type: "text", references: "events", indexed: true },
    { name: "name", field: "name", type: "text" },
    { name: "email", field: "email", type: "text", indexed: true },
    { name: "participation_type", field: "participationType", type: "text" },
    { name: "message", field: "message", type: "text" },
    { name: "newsletter", field: "newsletter", type: "boolean" },
    { name: "status", field: "status", type: "text" },
    { name: "checked_in", field: "checkedIn", type: "boolean" },
    { name: "registration_source", field: "registrationSource", type: "text" },
    { name: "is_speaker", field: "isSpeaker", type: "boolean" },
    { name: "ip_address", field: "ipAddress", type: "text" },
    { name: "user_agent", field: "userAgent", type: "text" },
    { name: "created_at", field: "createdAt", type: "timestamp" },
    { name: "updated_at", field: "updatedAt", type: "timestamp" },
  ],
};
