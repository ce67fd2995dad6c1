-- What keeps a document whole while its row changes by SQL, and the only way for the application to delete one.

-- A field that stands in `remainder` hides its column when the document is read. So when an UPDATE changes the column and
-- leaves the remainder's value as it was, that value is out of date: it goes, and the column speaks. An UPDATE that changes
-- both keeps both, which is how a document that needs a remainder is written.
-- A transaction that knows its remainder to be right says so by lightningtalk.remainder_is_current = 'on'.
-- Arguments: column, field, column, field ...
create function lightningtalk.drop_stale_remainder() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  before jsonb := to_jsonb(old);
  after  jsonb := to_jsonb(new);
  field  text;
begin
  if current_setting('lightningtalk.remainder_is_current', true) = 'on' then
    return new;
  end if;
  for i in 0 .. tg_nargs - 2 by 2 loop
    field := tg_argv[i + 1];
    if new.remainder ? field
       and before -> tg_argv[i] is distinct from after -> tg_argv[i]
       and old.remainder -> field is not distinct from new.remainder -> field
    then
      new.remainder := new.remainder - field;
    end if;
  end loop;
  return new;
end
$$;

create trigger drop_stale_remainder before update on lightningtalk.events
  for each row when (new.remainder <> '{}')
  execute function lightningtalk.drop_stale_remainder(
    'title', 'title',
    'description', 'description',
    'date', 'date',
    'end_date', 'endDate',
    'venue', 'venue',
    'status', 'status',
    'registration_open', 'registrationOpen',
    'talk_submission_open', 'talkSubmissionOpen',
    'max_talks', 'maxTalks',
    'talk_duration', 'talkDuration',
    'status_change_reason', 'statusChangeReason',
    'status_changed_at', 'statusChangedAt',
    'cancel_reason', 'cancelReason',
    'cancelled_at', 'cancelledAt',
    'main_image', 'mainImage',
    'created_at', 'createdAt',
    'updated_at', 'updatedAt'
  );

create trigger drop_stale_remainder before update on lightningtalk.participants
  for each row when (new.remainder <> '{}')
  execute function lightningtalk.drop_stale_remainder(
    'event_id', 'eventId',
    'name', 'name',
    'email', 'email',
    'participation_type', 'participationType',
    'message', 'message',
    'newsletter', 'newsletter',
    'status', 'status',
    'checked_in', 'checkedIn',
    'registration_source', 'registrationSource',
    'is_speaker', 'isSpeaker',
    'ip_address', 'ipAddress',
    'user_agent', 'userAgent',
    'created_at', 'createdAt',
    'updated_at', 'updatedAt'
  );

create trigger drop_stale_remainder before update on lightningtalk.talks
  for each row when (new.remainder <> '{}')
  execute function lightningtalk.drop_stale_remainder(
    'event_id', 'eventId',
    'speaker_id', 'speakerId',
    'title', 'title',
    'description', 'description',
    'category', 'category',
    'speaker_name', 'speakerName',
    'speaker_email', 'speakerEmail',
    'duration', 'duration',
    'status', 'status',
    'submission_source', 'submissionSource',
    'rating', 'rating',
    'average_rating', 'averageRating',
    'total_votes', 'totalVotes',
    'last_voting_results', 'lastVotingResults',
    'created_at', 'createdAt',
    'updated_at', 'updatedAt'
  );

create trigger drop_stale_remainder before update on lightningtalk.analytics
  for each row when (new.remainder <> '{}')
  execute function lightningtalk.drop_stale_remainder(
    'event_id', 'eventId',
    'action', 'action',
    'data', 'data',
    'timestamp', 'timestamp',
    'date', 'date',
    'created_at', 'createdAt',
    'updated_at', 'updatedAt'
  );

-- Deleting an event or a participant looks for the rows that name it.
create index participants_event on lightningtalk.participants (event_id);

-- Rows that refer to what is about to be deleted become orphans: no reference, and the value they had in the remainder, so
-- that their documents read as before. A value that stands there already is the document's own and stays.
create function lightningtalk.orphan_references(collection text, id text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('lightningtalk.remainder_is_current', 'on', true);
  if collection = 'events' then
    -- Outside an event there is no registration to be a duplicate of.
    update lightningtalk.participants p
       set event_id = null, duplicate_of = null, remainder = jsonb_build_object('eventId', p.event_id) || p.remainder
     where p.event_id = orphan_references.id;
    update lightningtalk.talks t
       set event_id = null, remainder = jsonb_build_object('eventId', t.event_id) || t.remainder
     where t.event_id = orphan_references.id;
  elsif collection = 'participants' then
    update lightningtalk.talks t
       set speaker_id = null, remainder = jsonb_build_object('speakerId', t.speaker_id) || t.remainder
     where t.speaker_id = orphan_references.id;
  end if;
  perform set_config('lightningtalk.remainder_is_current', '', true);
end
$$;

-- After its first registration is gone, the next one in the order of the file counts, and the others are duplicates of it.
-- Each is compared anew, because a row's event or address may have changed since it was found to be a duplicate.
create function lightningtalk.promote_duplicates(ids text[]) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  duplicate lightningtalk.participants;
begin
  for duplicate in
    select * from lightningtalk.participants p where p.id = any (ids) order by p.position
  loop
    update lightningtalk.participants p
       set duplicate_of = (
             select first.id from lightningtalk.participants first
              where first.event_id = duplicate.event_id and lower(first.email) = lower(duplicate.email)
                and first.duplicate_of is null)
     where p.id = duplicate.id;
  end loop;
end
$$;

-- Deletes one document and keeps its row as a tombstone, so that no later load brings it back. A document of the same id may
-- be created and deleted again; the tombstone then holds the last one.
-- Returns the deleted row as JSON, null when there is no such document. A key of the settings is its row's id.
create function lightningtalk.delete_document(collection text, id text) returns jsonb
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  deleted    jsonb;
  duplicates text[];
begin
  if collection is null or id is null then
    raise exception 'delete_document needs a collection and an id, not % and %',
      coalesce(quote_literal(collection), 'null'), coalesce(quote_literal(id), 'null')
      using errcode = 'null_value_not_allowed';
  end if;

  case collection
    when 'events' then
      select to_jsonb(e) into deleted from lightningtalk.events e where e.id = delete_document.id for update;
      perform lightningtalk.orphan_references(collection, id);
      delete from lightningtalk.events e where e.id = delete_document.id;
    when 'participants' then
      select to_jsonb(p) into deleted from lightningtalk.participants p where p.id = delete_document.id for update;
      perform lightningtalk.orphan_references(collection, id);
      -- Held by themselves for a moment: neither in the way of the deletion nor in the unique index.
      with held as (
        update lightningtalk.participants p set duplicate_of = p.id
         where p.duplicate_of = delete_document.id and p.id <> delete_document.id
        returning p.id
      )
      select array_agg(held.id) into duplicates from held;
      delete from lightningtalk.participants p where p.id = delete_document.id;
      perform lightningtalk.promote_duplicates(duplicates);
    when 'talks' then
      delete from lightningtalk.talks t where t.id = delete_document.id returning to_jsonb(t) into deleted;
    when 'analytics' then
      delete from lightningtalk.analytics a where a.id = delete_document.id returning to_jsonb(a) into deleted;
    when 'settings' then
      delete from lightningtalk.settings s where s.key = delete_document.id returning to_jsonb(s) into deleted;
    else
      delete from lightningtalk.documents d
       where d.collection = delete_document.collection and d.id = delete_document.id
      returning to_jsonb(d) into deleted;
  end case;

  if deleted is not null then
    insert into ops.tombstones as t (collection, id, row)
    values (delete_document.collection, delete_document.id, deleted)
    on conflict on constraint tombstones_pkey
    do update set row = excluded.row, deleted_at = excluded.deleted_at, deleted_by = excluded.deleted_by;
  end if;
  return deleted;
end
$$;
