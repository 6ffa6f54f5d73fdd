// A reference server of the benchmarks: the product's join with Mercurius and pg, one transaction per join.
// It writes the same rows to the same tables as the same role; it knows no idempotency keys, priorities or categories.
//
// What makes it fast is what these packages offer: compiled queries (JIT), prepared statements, a pool of connections
// that may pipeline (two waits per join instead of five), one statement for all that is written.
'use strict'

const { createHmac, randomUUID } = require('node:crypto')
const Fastify = require('fastify')
const mercurius = require('mercurius')
const pg = require('pg')

const SEQUENCE_STEP = 64
const SESSION_SECONDS = Number(process.env.BENCH_SESSION_SECONDS)
const key = Buffer.from(process.env.BENCH_SESSION_KEY, 'hex')
const fd = Number(process.argv.find((each) => each.startsWith('--fd=')).slice(5))

// Numbers of 64 bits stay below 2^53 here.
pg.types.setTypeParser(20, Number)
const pool = new pg.Pool({
  max: Number(process.env.BENCH_POOL),
  // Off unless asked for, as in pg itself: then what is sent together below goes one by one.
  pipeline: process.env.BENCH_PIPELINE === '1',
  idleTimeoutMillis: 0,
})

// People are found by 16 bytes. The product's are of a keyed hash, and the rest is encrypted: PostgreSQL's own hash stands
// for both here, which is less work.
const FOUND_BY = (value) => `substr(sha256(convert_to(${value}, 'UTF8')), 1, 16)`
const LOCK = 'select from queue_lines where tenant_id = $1 and id = $2 for no key update'
// After the lock, as a statement of its own: what was read before the lock does not count.
const LOOK = `
  select queue.status, queue.capacity, queue.ticket_prefix as prefix, queue.ticket_first_number as first_number,
    length(queue.ticket_last_number::text) as digits, now.at, to_json(now.at) #>> '{}' as at_text,
    ((now.at at time zone queue.time_zone) - queue.daily_reset_time)::date::text as today,
    line.service_day::text as service_day, line.last_ticket_serial, line.last_sequence, line.revision,
    line.waiting_count, line.held_count, line.called_count, line.serving_count, line.open_counter_count,
    line.service_seconds_mean,
    (select ticket_number from sessions where tenant_id = $1 and queue_id = $2
      and user_identifier_index = ${FOUND_BY('$3')}
      and status in ('WAITING', 'CALLED', 'SERVING')) as present
  from queues queue
  join queue_lines line on line.tenant_id = queue.tenant_id and line.id = queue.id
  cross join lateral (select greatest(clock_timestamp(), line.last_change_at + interval '1 microsecond') as at) now
  where queue.tenant_id = $1 and queue.id = $2`
const WRITE = `
  with session as (
    insert into sessions (tenant_id, id, queue_id, status, ticket_queue_id, service_day, ticket_serial, ticket_number,
      priority, rank_class, rank_time, rank_sequence, user_identifier_sealed,
      user_identifier_index, party_size, joined_at, call_count)
    values ($1, $3, $2, 'WAITING', $2, $4::date, $5, $6, 0, 0, $7, $8, sha256(convert_to($9, 'UTF8')),
      ${FOUND_BY('$9')}, 1, $7, 0)
  ), event as (
    insert into events (tenant_id, aggregate_type, aggregate_id, revision, occurred_at, id, type, data, actor,
      request_id)
    values ($1, 'queue', $2, $10, $7, $11, 'SESSION_JOINED', $12, 'ANONYMOUS', $13)
  )
  update queue_lines set revision = $10, waiting_count = waiting_count + 1, last_sequence = $14,
    service_day = $4::date, last_ticket_serial = $5, last_change_at = $7
  where tenant_id = $1 and id = $2`

const schema = `
  type Query { version: String! }
  type Mutation { queueJoin(input: QueueJoinInput!): QueueJoinResult! }
  input QueueJoinInput { queueId: ID!, userIdentifier: String }
  union QueueJoinResult = QueueJoinSuccess | AlreadyWaitingError | QueueFullError | QueueNotOpenError
  type QueueJoinSuccess { session: Session!, sessionToken: String! }
  interface UserError { message: String! }
  type AlreadyWaitingError implements UserError { message: String! }
  type QueueFullError implements UserError { message: String! }
  type QueueNotOpenError implements UserError { message: String! }
  enum SessionStatus { WAITING }
  type Session {
    id: ID!, ticketNumber: String!, status: SessionStatus!, position: Int, aheadCount: Int,
    estimatedWaitSeconds: Int, revision: Int!
  }`

const refused = (type, message) => ({ __typename: type, message })

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema,
  jit: 1,
  resolvers: {
    Query: { version: () => '1' },
    Mutation: { queueJoin: (_, { input }) => join(input.queueId, input.userIdentifier ?? null) },
  },
})

async function join(nodeId, person) {
  const [kind, tenantHex, queueHex] = Buffer.from(nodeId, 'base64url').toString().split(':')
  if (kind !== 'Queue') throw new Error('not a queue')
  const [tenant, queue] = [dashed(tenantHex), dashed(queueHex)]
  const client = await pool.connect()
  try {
    const [, , looked] = await Promise.all([
      // The tenant is bound for this transaction only. `dashed` lets nothing but hexadecimal digits through.
      client.query(`begin; select set_config('app.tenant_id', '${tenant}', true)`),
      client.query({ name: 'lock', text: LOCK, values: [tenant, queue] }),
      client.query({ name: 'look', text: LOOK, values: [tenant, queue, person] }),
    ])
    const line = looked.rows[0]
    const refusal = reasonAgainst(line)
    if (refusal) {
      await client.query('rollback')
      return refusal
    }
    const joined = place(tenant, queue, person, line)
    await Promise.all([
      client.query({ name: 'write', text: WRITE, values: joined.values }),
      client.query('commit'),
    ])
    return joined.answer
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

function reasonAgainst(line) {
  if (!line) throw new Error('not found')
  if (line.status !== 'ACTIVE' && line.status !== 'PAUSED') return refused('QueueNotOpenError', 'Closed.')
  if (line.present !== null) return refused('AlreadyWaitingError', 'This person has a place already.')
  const waiting = line.waiting_count + line.held_count
  return line.capacity !== null && waiting >= line.capacity ? refused('QueueFullError', 'Full.') : null
}

function place(tenant, queue, person, line) {
  const isNewDay = line.service_day === null || line.today > line.service_day
  const day = isNewDay ? line.today : line.service_day
  const serial = isNewDay || line.last_ticket_serial === null ? line.first_number : line.last_ticket_serial + 1
  const id = randomUUID()
  const ticket = line.prefix + String(serial).padStart(line.digits, '0')
  const [sequence, revision, waiting] = [line.last_sequence + 1, line.revision + 1, line.waiting_count + 1]
  const at = line.at_text
  const data = {
    line: {
      status: line.status,
      waiting_count: waiting,
      held_count: line.held_count,
      called_count: line.called_count,
      serving_count: line.serving_count,
      open_counter_count: line.open_counter_count,
      service_seconds_mean: line.service_seconds_mean,
    },
    session: {
      id, ticket_number: ticket, status: 'WAITING', priority: 0, party_size: 1, rank_class: 0, rank_time: at,
      rank_sequence: sequence * SEQUENCE_STEP, held_at: null, joined_at: at, called_at: null, started_at: null,
      completed_at: null, cancelled_at: null, cancelled_by: null, ended_at: null, call_count: 0, counter_id: null,
      counter_name: null, served_by: null,
    },
  }
  const { service_seconds_mean: mean, open_counter_count: open } = line
  return {
    values: [
      tenant, queue, id, day, serial, ticket, at, sequence * SEQUENCE_STEP, person, revision, randomUUID(),
      JSON.stringify(data), randomUUID(), sequence,
    ],
    answer: {
      __typename: 'QueueJoinSuccess',
      sessionToken: token(tenant, id, Math.floor(line.at.getTime() / 1000)),
      session: {
        id: Buffer.from(`Session:${tenant}:${id}`.replaceAll('-', '')).toString('base64url'),
        ticketNumber: ticket,
        status: 'WAITING',
        // Everybody joins with the same priority here, so whoever comes last is last: no order has to be kept.
        position: waiting,
        aheadCount: waiting - 1,
        estimatedWaitSeconds: mean === null || open < 1 ? null : Math.round(((waiting - 1) * mean) / open),
        revision,
      },
    },
  }
}

const HEADER = encoded({ alg: 'HS256', typ: 'JWT' })

function token(tenant, id, at) {
  const claims = encoded({ sub: id, tid: tenant, typ: 'session', iat: at, exp: at + SESSION_SECONDS })
  const signed = `${HEADER}.${claims}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function dashed(hex) {
  const found = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(hex ?? '')
  if (!found) throw new Error('not an id')
  return found.slice(1).join('-')
}

app.get('/health/ready', async () => ({}))
app.ready().then(() => app.server.listen({ fd }))
process.on('SIGTERM', () => process.exit(0))
