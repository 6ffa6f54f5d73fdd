-- A join, written for pgbench: its rows, its lock, one transaction. What the product reads beyond that is left out.
begin;
select set_config('app.tenant_id', :tenant, true);
select revision + 1 as revision, last_sequence + 1 as sequence, coalesce(last_ticket_serial, 0) + 1 as serial
  from queue_lines where tenant_id = :tenant::uuid and id = :queue::uuid for no key update \gset
select status, capacity from queues where tenant_id = :tenant::uuid and id = :queue::uuid;
select 1 from sessions where tenant_id = :tenant::uuid and queue_id = :queue::uuid
  and user_identifier_index = decode(md5(:queue || :serial), 'hex') and status in ('WAITING', 'CALLED', 'SERVING');
insert into sessions (tenant_id, id, queue_id, status, ticket_queue_id, service_day, ticket_serial, ticket_number,
    priority, rank_class, rank_time, rank_sequence, user_identifier_sealed, user_identifier_index, party_size, joined_at, call_count)
  select :tenant::uuid, gen_random_uuid(), :queue::uuid, 'WAITING', :queue::uuid, current_date, :serial::int,
    'A' || lpad(:serial, 5, '0'), 0, 0, at, :sequence::bigint * 64, decode(repeat(md5(:queue || :serial), 4), 'hex'),
    decode(md5(:queue || :serial), 'hex'), 1, at, 0
  from clock_timestamp() at;
insert into events (tenant_id, aggregate_type, aggregate_id, revision, occurred_at, id, type, data, actor, request_id)
  values (:tenant::uuid, 'queue', :queue::uuid, :revision::bigint, clock_timestamp(), gen_random_uuid(),
    'SESSION_JOINED', :data::jsonb, 'ANONYMOUS', gen_random_uuid()::text);
update queue_lines set revision = :revision::int, waiting_count = waiting_count + 1, last_sequence = :sequence::int,
    last_ticket_serial = :serial::int, last_change_at = clock_timestamp()
  where tenant_id = :tenant::uuid and id = :queue::uuid;
commit;
