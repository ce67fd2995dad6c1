/** File in the home of a run that says: a failed test kept its database, leave the server's files. */
export const KEPT_MARKER = "kept-databases";
