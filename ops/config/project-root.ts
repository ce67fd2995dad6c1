import { resolve } from "node:path";

/** The directory that holds package.json, ops/ and sql/: paths of our own files start here, whatever the working directory. */
export const PROJECT_ROOT = resolve(import.meta.dirname, "../..");
