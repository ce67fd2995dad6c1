-- Which migrations this database has. `head` runs over the names and contents of all up to its row, so that one word says
-- whether two databases have the same schema history. Written in the transaction of the migration it speaks of.
create table if not exists ops.schema_migrations (
  name        text primary key,
  sha256      text not null,
  head        text not null,
  applied_at  timestamptz not null default now(),
  applied_by  text not null default session_user
);
