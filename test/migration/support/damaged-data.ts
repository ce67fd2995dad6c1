import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A data directory with every kind of damage that real files have, and what a load must make of it. */
export interface DamagedData {
  /** Documents that cannot be rows. */
  quarantined: number;
  orphans: number;
  duplicates: number;
}

/** JSON text of elements that no `JSON.stringify` writes: exact numbers, minus zero, lone surrogates, NUL. */
const hardFields = String.raw`"big": 12345678901234567890.123, "zero": -0, "huge": 1e400, "half": "\ud83d", "nul": "a\u0000b", "__proto__": {"x": 1}, "deep": {"$json": [1, {"k": -0}]}`;

/**
 * Writes events, participants, talks, settings, analytics, users and voting_sessions.
 *
 * @param directory made when missing
 * @param participants number of sound registrations; talks and analytics are half as many each
 */
export async function writeDamagedData(directory: string, participants: number): Promise<DamagedData> {
  await mkdir(directory, { recursive: true });
  const half = participants >> 1;
  const files: Record<string, string[]> = {
    events: [...times(40, event), `{"id": 77, "title": "numeric id"}`, event(3), `{"id": "hard-event", ${hardFields}}`],
    participants: spread(times(participants, participant), [
      participant(0),
      `{"id": 4711, "name": "numeric id"}`,
      `null`,
      `{"name": "no id"}`,
      `{"id": "hard-1", ${hardFields}}`,
      ...times(4, (i) => `{"id": "orphan-${i}", "eventId": "gone-${i}", "email": "o@example.org"}`),
      ...times(5, (i) => `{"id": "twice-${i}", "eventId": "event-1", "email": "PERSON-1@example.org"}`),
    ]),
    talks: spread(times(half, talk), [
      `{"id": "lost-talk", "eventId": "gone-1", "speakerId": "gone-2", "rating": "4.5", "duration": "5"}`,
      talk(1),
      `{"id": "hard-talk", "eventId": null, "speakerId": 7, "lastVotingResults": {"a": -0}, ${hardFields}}`,
    ]),
    settings: [
      `{"siteName": "LT", "limit": -0, "nested": {"k": [1e400, "\\ud83d"]}, "": null}`,
      `{"id": "second"}`,
      `"third"`,
    ],
    analytics: times(
      half,
      (i) => `{"id": "analytic-${i}", "action": "view", "data": {"n": ${i}}, "date": "2025-07-0${1 + (i % 9)}"}`,
    ),
    users: [
      ...times(60, (i) => `{"id": "user-${i}", "passwordHash": "$2b$10$${i}", "roles": []}`),
      `{"id": "user-5"}`,
      `{"id": "hard-user", ${hardFields}}`,
    ],
    voting_sessions: times(30, (i) => `{"id": "session-${i}", "votes": {"x": 1.50, "y": ${i}e-400}}`),
  };
  for (const [name, elements] of Object.entries(files))
    await writeFile(join(directory, `${name}.json`), `[\n  ${elements.join(",\n  ")}\n]\n`);
  return { quarantined: 2 + 4 + 1 + 2 + 1, orphans: 4 + 1, duplicates: 5 };
}

function event(i: number): string {
  return JSON.stringify({
    id: `event-${i}`,
    title: `Event ${i}`,
    date: "2025-07-30T19:00:00+09:00",
    maxTalks: "20",
    venue: { name: "場所" },
  });
}

function participant(i: number): string {
  const message = i % 97 === 0 ? "tab\t, line\n, back\\slash, \u{1f600}" : "x".repeat(i % 50);
  return JSON.stringify({
    id: `person-${i}`,
    eventId: `event-${i % 40}`,
    name: `Person ${i}`,
    email: `person-${i}@example.org`,
    message,
    createdAt: "2025-06-29T15:16:56.399Z",
  });
}

function talk(i: number): string {
  return JSON.stringify({
    id: `talk-${i}`,
    eventId: `event-${i % 40}`,
    speakerId: `person-${i}`,
    title: `Talk ${i}`,
    duration: 5,
    rating: i % 5,
  });
}

function times(count: number, make: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** The odd ones between the others, at even distances and at the end. */
function spread(elements: string[], odd: string[]): string[] {
  const every = Math.floor(elements.length / odd.length);
  return [
    ...elements.flatMap((element, i) =>
      i > 0 && i % every === 0 && odd.length > 1 ? [element, odd.shift()!] : [element],
    ),
    ...odd,
  ];
}
