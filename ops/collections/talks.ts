import type { TypedCollection } from "./collection.ts";

export const talks: TypedCollection = {
  kind: "typed",
  name: "talks",
  table: "lightningtalk.talks",
  step: "migrateTalks",
  columns: [
    { name: "event_id", field: "eventId", type: "text", references: "events", indexed: true },
    { name: "speaker_id", field: "speakerId", type: "text", references: "participants", indexed: true },
    { name: "title", field: "title", type: "text" },
    { name: "description", field: "description", type: "text" },
    { name: "category", field: "category", type: "text" },
    { name: "speaker_name", field: "speakerName", type: "text" },
    { name: "speaker_email", field: "speakerEmail", type: "text" },
    { name: "duration", field: "duration", type: "integer" },
    { name: "status", field: "status", type: "text" },
    { name: "submission_source", field: "submissionSource", type: "text" },
    { name: "rating", field: "rating", type: "double" },
    { name: "average_rating", field: "averageRating", type: "double" },
    { name: "total_votes", field: "totalVotes", type: "integer" },
    { name: "last_voting_results", field: "lastVotingResults", type: "json" },
    { name: "created_at", field: "createdAt", type: "timestamp" },
    { name: "updated_at", field: "updatedAt", type: "timestamp" },
  ],
};
