-- Call next to the client's next free counter, written for pgbench: its rows, its lock, one transaction.
-- A counter's key is computed from its number, as in `Queue.counter_id`.
\set turn :turn + 1
\set number :client_id * :per_client + :turn
begin;
select set_config('app.tenant_id', :tenant, true);
select revision + 1 as revision from queue_lines
  where tenant_id = :tenant::uuid and id = :queue::uuid for no key update \gset
select status, max_concurrent_users from queues where tenant_id = :tenant::uuid and id = :queue::uuid;
select counters.id as counter, counters.name as counter_name from counters
  join counter_queues on counter_queues.tenant_id = counters.tenant_id and counter_id = counters.id
  where counters.tenant_id = :tenant::uuid and counters.id = md5(:queue || '-' || :number)::uuid
    and queue_id = :queue::uuid \gset
select 1 from sessions where tenant_id = :tenant::uuid and counter_id = :counter::uuid
  and status in ('CALLED', 'SERVING');
select id as session, ticket_number as ticket from sessions
  where tenant_id = :tenant::uuid and queue_id = :queue::uuid and status = 'WAITING' and held_at is null
  order by rank_class, rank_time, rank_sequence limit 1 \gset
update sessions set status = 'CALLED', called_at = clock_timestamp(), call_count = call_count + 1,
    counter_id = :counter::uuid
  where tenant_id = :tenant::uuid and id = :session::uuid;
insert into events (tenant_id, aggregate_type, aggregate_id, revision, occurred_at, id, type, data, actor, request_id)
  values (:tenant::uuid, 'queue', :queue::uuid, :revision::bigint, clock_timestamp(), gen_random_uuid(),
    'SESSION_CALLED', :data::jsonb, 'ANONYMOUS', gen_random_uuid()::text);
update queue_lines set revision = :revision::int, waiting_count = waiting_count - 1, called_count = called_count + 1,
    last_called_ticket = :ticket, last_called_counter = :counter_name, last_called_at = clock_timestamp(),
    last_change_at = clock_timestamp()
  where tenant_id = :tenant::uuid and id = :queue::uuid;
commit;
