// A process that holds a lock until it is killed: node lock-holder.ts URL NAME [busy]. Says "held" once it does.
import { withAdvisoryLock } from "../../ops/postgres/advisory-lock.ts";

const [url, name] = process.argv.slice(2);
if (url === undefined || name === undefined) throw new Error("Expected URL and NAME.");
await withAdvisoryLock(url, name, "migrate execute", async () => {
  process.stdout.write("held\n");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
