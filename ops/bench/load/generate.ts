/** Makes data files of the application's shapes and sizes; the same seed makes the same bytes. All people are invented. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** Of a hundred documents: how many are participants and talks; the rest are analytics, with an event per 400. */
const participantsShare = 0.5;
const talksShare = 0.1;
const documentsPerEvent = 400;

const start = Date.UTC(2025, 0, 1);
const names = ["佐藤 花子", "鈴木 一郎", "高橋 葵", "Tanaka Ren", "Ito Sakura", "渡辺 翔", "Yamamoto Yui", "中村 陽菜"];
const messages = [
  "",
  "よろしくお願いします!",
  "Looking forward to it.",
  "初参加です。楽しみにしています。",
  'I will bring "slides".',
];
const agents = ["Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)"];
const titles = ["5分でわかる発酵食品", "Why my cat rules the house", "はじめての家庭菜園", "A keyboard of my own"];
const categories = ["tech", "hobby", "learning", "travel", "food", "game", "pet", "garden"];
const kinds = ["onsite", "online", "undecided"];

export interface GeneratedCounts {
  events: number;
  participants: number;
  talks: number;
  analytics: number;
}

/**
 * Writes events.json, participants.json, talks.json, settings.json and analytics.json as the application would.
 *
 * @param documents how many in all, without the settings
 * @returns the number of each, and the bytes of all files
 */
export async function generateData(
  directory: string,
  documents: number,
): Promise<{ counts: GeneratedCounts; bytes: number }> {
  await mkdir(directory, { recursive: true });
  const events = Math.max(1, Math.round(documents / documentsPerEvent));
  const participants = Math.round(documents * participantsShare);
  const talks = Math.round(documents * talksShare);
  const analytics = Math.max(0, documents - events - participants - talks);
  const random = seededRandom(1);
  const bytes =
    (await writeArray(join(directory, "events.json"), events, event)) +
    (await writeArray(join(directory, "participants.json"), participants, (i) => participant(i, events, random))) +
    (await writeArray(join(directory, "talks.json"), talks, (i) => talk(i, events, participants, random))) +
    (await writeArray(join(directory, "settings.json"), 1, () => ({
      siteName: "なんでもライトニングトーク",
      emailEnabled: false,
    }))) +
    (await writeArray(join(directory, "analytics.json"), analytics, (i) => analytic(i, events, random)));
  return { counts: { events, participants, talks, analytics }, bytes };
}

/** Numbers in [0, 1) by mulberry32, enough for variety. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Ids of the application: milliseconds since 1970 and up to nine characters of base 36. */
function id(i: number, kind: number): string {
  const suffix = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  return `${start + i * 1000 + kind}-${suffix.toString(36).padStart(7, "0")}${kind}k`;
}

function time(i: number): string {
  return new Date(start + i * 1000 + (i % 997)).toISOString();
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)]!;
}

function event(i: number): object {
  const day = new Date(start + i * 86_400_000).toISOString().slice(0, 10);
  return {
    id: id(i, 0),
    title: `第${i + 1}回 なんでもライトニングトーク`,
    description: "5分間で世界を変える!",
    date: `${day}T19:00:00+09:00`,
    endDate: `${day}T21:00:00+09:00`,
    venue: {
      name: "新宿会場",
      address: "西新宿1-1-1",
      capacity: 50,
      online: true,
      onlineUrl: "https://meet.example.com/lt",
    },
    status: "upcoming",
    registrationOpen: true,
    talkSubmissionOpen: true,
    maxTalks: 20,
    talkDuration: 5,
    createdAt: time(i),
    updatedAt: time(i),
  };
}

function participant(i: number, events: number, random: () => number): object {
  return {
    id: id(i, 1),
    name: pick(names, random),
    email: `person.${i}@example.com`,
    participationType: pick(kinds, random),
    eventId: id(Math.floor(random() * events), 0),
    message: pick(messages, random),
    newsletter: random() < 0.5,
    status: "confirmed",
    checkedIn: false,
    registrationSource: "web",
    ipAddress: `::ffff:192.0.2.${i % 256}`,
    userAgent: pick(agents, random),
    createdAt: time(i),
    updatedAt: time(i),
  };
}

function talk(i: number, events: number, participants: number, random: () => number): object {
  return {
    id: id(i, 2),
    title: pick(titles, random),
    description: "短く、楽しく、わかりやすく話します。",
    category: pick(categories, random),
    eventId: id(Math.floor(random() * events), 0),
    speakerId: id(Math.floor(random() * participants), 1),
    speakerName: pick(names, random),
    speakerEmail: `person.${i}@example.com`,
    duration: 5,
    status: "pending",
    submissionSource: "web",
    createdAt: time(i),
    updatedAt: time(i),
  };
}

function analytic(i: number, events: number, random: () => number): object {
  return {
    id: id(i, 3),
    eventId: id(Math.floor(random() * events), 0),
    action: "participant_registered",
    data: { participationType: pick(kinds, random), source: "web", isSpeaker: random() < 0.2 },
    timestamp: time(i),
    date: new Date(start + i * 1000).toDateString(),
    createdAt: time(i),
    updatedAt: time(i),
  };
}

async function writeArray(path: string, count: number, make: (i: number) => object): Promise<number> {
  const file = createWriteStream(path, { mode: 0o600 });
  let text = count === 0 ? "[" : "[\n";
  for (let i = 0; i < count; i += 1) {
    text += `  ${JSON.stringify(make(i), null, 2).replaceAll("\n", "\n  ")}${i + 1 < count ? "," : ""}\n`;
    if (text.length > 1 << 16) {
      if (!file.write(text)) await once(file, "drain");
      text = "";
    }
  }
  file.end(`${text}]`);
  await once(file, "close");
  return file.bytesWritten;
}
