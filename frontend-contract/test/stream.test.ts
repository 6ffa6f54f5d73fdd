/** Where no websocket comes through: the same feeds as event streams, with graphql-sse, through every kind of break. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test, type TestContext } from "node:test";
import { createClient } from "graphql-sse";
import { print } from "graphql";
import {
  CounterCreateDocument,
  QueueCallNextDocument,
  QueueChangedDocument,
  type QueueEventDetailsFragment,
  QueueEventsDocument,
  QueueLogDocument,
  SessionChangedDocument,
  type SessionChangedSubscription,
  type SessionPlaceFragment,
  UserCreateDocument,
  UserDeactivateDocument,
  UserUpdateDocument,
} from "../generated/operations.ts";
import type { Connection, StreamConnection } from "../src/apollo/index.ts";
import {
  ANONYMOUS,
  execute,
  type Fetch,
  type GraphQLFailure,
  newIdempotencyKey,
  resumeQueueEvents,
  SessionToken,
  type StreamsOptions,
} from "../src/index.ts";
import { newBusiness } from "./support/business.ts";
import { type Proxy, proxyTo } from "./support/proxy.ts";
import { connection, GRAPHQL_URL, joined, queueAndCounter, streamConnection, unique } from "./support/server.ts";
import { Arrivals, eventually } from "./support/waiting.ts";

const business = await newBusiness();
const boss = await business.signedIn();
let office: Connection;
let proxy: Proxy;

before(async () => {
  office = connection(boss);
  proxy = await proxyTo(GRAPHQL_URL);
});

beforeEach(() => proxy.mend());

after(async () => {
  await office.socket.dispose();
  await proxy.close();
  await business.remove();
});

type Ids = { readonly queueId: string; readonly counterId: string };

async function callNext({ queueId, counterId }: Ids): Promise<void> {
  const input = { queueId, counterId, idempotencyKey: newIdempotencyKey() };
  const { data } = await office.apollo.mutate({ mutation: QueueCallNextDocument, variables: { input } });
  assert.equal(data?.queueCallNext.__typename, "QueueCallNextSuccess");
}

async function counterFor(queueId: string): Promise<string> {
  const { data } = await office.apollo.mutate({
    mutation: CounterCreateDocument,
    variables: { input: { name: unique("Counter"), queueIds: [queueId] } },
  });
  assert.equal(data?.counterCreate.__typename, "CounterCreateSuccess");
  return data.counterCreate.counter.id;
}

async function log(queueId: string): Promise<readonly QueueEventDetailsFragment[]> {
  const token = await boss.token();
  const { queue } = await execute(GRAPHQL_URL, QueueLogDocument, { queueId, first: 100 }, { token });
  return queue?.events.edges.map((edge) => edge.node) ?? [];
}

interface Watched {
  readonly seen: Arrivals<SessionPlaceFragment>;
  readonly ended: Arrivals<unknown>;
  readonly statuses: Arrivals<string>;
  readonly streams: StreamConnection["streams"];
}

function watch(
  t: TestContext,
  credentials: SessionToken,
  sessionId: string,
  options: Partial<StreamsOptions> = {},
): Watched {
  const statuses = new Arrivals<string>();
  const { streams } = streamConnection(credentials, { url: proxy.url, onStatus: statuses.push, ...options });
  const seen = new Arrivals<SessionPlaceFragment>();
  const ended = new Arrivals<unknown>();
  streams.client.subscribe<SessionChangedSubscription>(
    { query: print(SessionChangedDocument), variables: { sessionId } },
    {
      next: ({ data, errors }) => (data ? seen.push(data.sessionChanged) : ended.push(errors?.[0]?.extensions?.["code"])),
      error: ended.push,
      complete: () => ended.push("complete"),
    },
  );
  t.after(() => streams.dispose());
  return { seen, ended, statuses, streams };
}

const at = (position: number) => (item: SessionPlaceFragment) => item.position === position;

test("the unmodified client runs every kind of operation, and refusals are items", async () => {
  const { queueId } = await queueAndCounter(office.apollo);
  const token = await boss.token();
  const client = createClient({ url: GRAPHQL_URL, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });
  const once = async (query: string, variables: Record<string, unknown> = {}): Promise<unknown[]> => {
    const items: unknown[] = [];
    // What an answer has cost stands beside it, and is another test's.
    for await (const { extensions: _, ...item } of client.iterate({ query, variables })) items.push(item);
    return items;
  };
  assert.deepEqual(await once("query Q($id: ID!) { queue(id: $id) { waitingCount } }", { id: queueId }), [
    { data: { queue: { waitingCount: 0 } } },
  ]);
  const join = 'mutation J($id: ID!) { queueJoin(input: { queueId: $id }) { __typename } }';
  assert.deepEqual(await once(join, { id: queueId }), [{ data: { queueJoin: { __typename: "QueueJoinSuccess" } } }]);
  for (const [query, code] of [
    ["subscription {", "GRAPHQL_PARSE_FAILED"],
    ["subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"],
    ['subscription { queueChanged(queueId: "x") { id } }', "NOT_FOUND"],
  ] as const) {
    const [item, ...more] = (await once(query)) as { errors: { extensions: { code: string } }[] }[];
    assert.equal(item?.errors[0]?.extensions.code, code);
    assert.deepEqual(more, []);
  }
  client.dispose();
});

test("a visitor is watched through a server that goes away, and called", async (t) => {
  const ids = await queueAndCounter(office.apollo);
  await joined(ids.queueId);
  await joined(ids.queueId);
  const { session, credentials } = await joined(ids.queueId);
  const { seen, ended, statuses } = watch(t, credentials, session.id);
  assert.equal((await seen.next()).position, 3);
  await eventually(() => statuses.all.at(-1) === "connected");

  proxy.cut();
  await eventually(() => statuses.all.at(-1) !== "connected");
  await callNext(ids); // nobody hears of it
  proxy.mend();
  await seen.next(at(2), "position 2, from the new connection's first item");
  await eventually(() => statuses.all.at(-1) === "connected");

  const other = await counterFor(ids.queueId);
  await callNext({ ...ids, counterId: other });
  await seen.next(at(1), "position 1");
  await callNext({ ...ids, counterId: await counterFor(ids.queueId) });
  assert.equal((await seen.next((item) => item.status === "CALLED", "CALLED")).position, null);
  assert.deepEqual(ended.all, []);
});

test("a stream that says nothing is given up and replaced", async (t) => {
  const ids = await queueAndCounter(office.apollo);
  await joined(ids.queueId);
  const { session, credentials } = await joined(ids.queueId);
  const { seen } = watch(t, credentials, session.id, { silenceMs: 200, connectTimeoutMs: 200 });
  await seen.next(at(2));
  const before = proxy.connections;
  proxy.swallow();
  await callNext(ids);
  await eventually(() => proxy.connections > before);
  proxy.mend();
  await seen.next(at(1), "position 1");
});

test("events go on where they stopped, however often the connection is cut", async (t) => {
  const { queueId } = await queueAndCounter(office.apollo);
  const { streams } = streamConnection(boss, { url: proxy.url });
  const seen = new Arrivals<QueueEventDetailsFragment>();
  const events = resumeQueueEvents(streams.client, {
    queueId,
    onEvent: seen.push,
    onError: (problem) => assert.fail(String(problem)),
  });
  t.after(async () => {
    events.stop();
    await streams.dispose();
  });
  await eventually(() => events.lastRevision !== undefined);
  const start = events.lastRevision ?? 0;
  for (let round = 0; round < 3; round += 1) {
    const going = Promise.all([joined(queueId), joined(queueId), joined(queueId)]);
    await joined(queueId);
    proxy.cut();
    await joined(queueId);
    proxy.mend();
    await going;
    await joined(queueId);
    const last = (await log(queueId)).at(-1)?.revision ?? 0;
    await seen.next((event) => event.revision === last, `revision ${last}`);
  }
  assert.deepEqual(
    seen.all,
    (await log(queueId)).filter((event) => event.revision > start),
  );
});

async function newStaff(): Promise<{ readonly email: string; readonly userId: string }> {
  const email = `${unique("staff")}@${business.slug}.example`;
  const { data } = await office.apollo.mutate({
    mutation: UserCreateDocument,
    variables: { input: { email, password: business.password, role: "MANAGER" } },
  });
  assert.equal(data?.userCreate.__typename, "UserCreateSuccess");
  return { email, userId: data.userCreate.user.id };
}

test("a token whose permissions change is renewed, and the stream goes on; one that is revoked ends it", async (t) => {
  const { queueId } = await queueAndCounter(office.apollo);
  const { email, userId } = await newStaff();
  const signedOut = new Arrivals<unknown>();
  const login = await business.signedIn({ onChange: (user) => user ?? signedOut.push(null) }, email);
  const statuses = new Arrivals<string>();
  const { streams } = streamConnection(login, { onStatus: statuses.push });
  t.after(() => streams.dispose());
  const seen = new Arrivals<QueueEventDetailsFragment>();
  const ended = new Arrivals<unknown>();
  resumeQueueEvents(streams.client, { queueId, after: 0, onEvent: seen.push, onError: ended.push });
  await seen.next();

  await office.apollo.mutate({ mutation: UserUpdateDocument, variables: { input: { userId, role: "ADMIN" } } });
  await statuses.next((status) => status === "closed", "closed");
  await joined(queueId);
  const last = (await log(queueId)).at(-1)?.revision;
  await seen.next((event) => event.revision === last, `revision ${last}`);
  assert.deepEqual(ended.all, []);

  await office.apollo.mutate({ mutation: UserDeactivateDocument, variables: { input: { userId } } });
  assert.equal(((await ended.next()) as GraphQLFailure).code, "UNAUTHENTICATED");
  await signedOut.next();
});

test("Apollo's subscriptions run over streams", async (t) => {
  const { queueId } = await queueAndCounter(office.apollo);
  const { apollo, streams } = streamConnection(ANONYMOUS);
  t.after(() => streams.dispose());
  const counts = new Arrivals<number>();
  const feed = apollo
    .subscribe({ query: QueueChangedDocument, variables: { queueId }, fetchPolicy: "no-cache" })
    .subscribe(({ data }) => {
      if (data) counts.push(data.queueChanged.waitingCount);
    });
  assert.equal(await counts.next(), 0);
  await joined(queueId);
  await counts.next((count) => count === 1, "1");
  feed.unsubscribe();
});

test("what a client may not see is refused once, not asked for again", async (t) => {
  const { queueId } = await queueAndCounter(office.apollo);
  let requests = 0;
  const counting: Fetch = (input, init) => {
    requests += 1;
    return fetch(input, init);
  };
  const { streams } = streamConnection(ANONYMOUS, { fetch: counting });
  t.after(() => streams.dispose());
  const codes = new Arrivals<unknown>();
  streams.client.subscribe(
    { query: print(QueueEventsDocument), operationName: "QueueEvents", variables: { queueId } },
    {
      next: ({ errors }) => codes.push(errors?.[0]?.extensions?.["code"]),
      error: codes.push,
      complete: () => codes.push("complete"),
    },
  );
  await codes.next((code) => code === "complete", "complete");
  assert.deepEqual(codes.all, ["UNAUTHENTICATED", "complete"]);
  assert.equal(requests, 1);
});

test("who signs in connects anew, at once", async (t) => {
  const { queueId } = await queueAndCounter(office.apollo);
  await joined(queueId);
  const { session, credentials } = await joined(queueId);
  // Requests, not connections: how many of those they take is the fetch's own affair.
  let requests = 0;
  const counting: Fetch = (input, init) => {
    requests += 1;
    return fetch(input, init);
  };
  const backoff = { firstMs: 60_000, mostMs: 60_000 };
  const { seen, streams, statuses } = watch(t, credentials, session.id, { backoff, fetch: counting });
  await seen.next(at(2));
  assert.equal(requests, 1);
  streams.reconnect();
  await seen.next(at(2), "the first item again");
  assert.equal(requests, 2);
  await streams.dispose();
  assert.equal(statuses.all.at(-1), "idle");
});
