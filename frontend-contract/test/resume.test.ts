/** A queue's events survive every kind of broken connection: no revision is missed, none is repeated. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test, type TestContext } from "node:test";
import { type QueueEventDetailsFragment, QueueLogDocument } from "../generated/operations.ts";
import type { Connection } from "../src/apollo/index.ts";
import { execute, type GraphQLFailure, resumeQueueEvents } from "../src/index.ts";
import { newBusiness } from "./support/business.ts";
import { type Proxy, proxyTo } from "./support/proxy.ts";
import { connection, GRAPHQL_URL, joined, queueAndCounter } from "./support/server.ts";
import { Arrivals, eventually } from "./support/waiting.ts";

const business = await newBusiness();
const login = await business.signedIn();
let direct: Connection;
let proxy: Proxy;

before(async () => {
  direct = connection(login);
  proxy = await proxyTo(GRAPHQL_URL);
});

beforeEach(() => proxy.mend());

after(async () => {
  await direct.socket.dispose();
  await proxy.close();
  await business.remove();
});

interface Listener {
  readonly seen: Arrivals<QueueEventDetailsFragment>;
  readonly revisions: () => number[];
  readonly last: () => number | undefined;
  /** Wait until a revision has been seen. */
  readonly until: (revision: number) => Promise<unknown>;
}

function listen(t: TestContext, queueId: string, options: { after?: number; patienceMs?: number } = {}): Listener {
  const { patienceMs = 5_000, ...rest } = options;
  const through = connection(login, { url: proxy.url, keepAliveMs: patienceMs, connectTimeoutMs: patienceMs });
  const seen = new Arrivals<QueueEventDetailsFragment>();
  const events = resumeQueueEvents(through.socket.client, {
    queueId,
    ...rest,
    onEvent: seen.push,
    onError: (problem) => assert.fail(String(problem)),
  });
  t.after(async () => {
    events.stop();
    await through.socket.dispose();
  });
  return {
    seen,
    last: () => events.lastRevision,
    revisions: () => seen.all.map((event) => event.revision),
    until: (revision) => seen.next((event) => event.revision >= revision, `revision ${revision}`),
  };
}

/** The log as a query answers it, all of it. */
async function log(queueId: string): Promise<readonly QueueEventDetailsFragment[]> {
  const { queue } = await execute(
    GRAPHQL_URL,
    QueueLogDocument,
    { queueId, first: 100 },
    { token: await login.token() },
  );
  return queue?.events.edges.map((edge) => edge.node) ?? [];
}

async function lastRevision(queueId: string): Promise<number> {
  return (await log(queueId)).at(-1)?.revision ?? 0;
}

const join = async (queueId: string, people: number): Promise<void> => {
  for (let i = 0; i < people; i += 1) await joined(queueId);
};

test("events go on where they stopped after the connection was cut, and cut again", async (t) => {
  const { queueId } = await queueAndCounter(direct.apollo);
  const listener = listen(t, queueId, { after: 0 });
  await join(queueId, 3);
  await listener.until(await lastRevision(queueId));
  for (let round = 0; round < 3; round += 1) {
    const going = join(queueId, 5); // some before the cut, some during it, some after
    await joined(queueId);
    proxy.cut();
    await join(queueId, 3);
    proxy.mend();
    await going;
    await join(queueId, 2);
    await listener.until(await lastRevision(queueId));
  }
  const whole = await log(queueId);
  assert.deepEqual(listener.seen.all, whole, "what was heard is the log, each revision once");
  assert.deepEqual(
    listener.revisions(),
    whole.map((_, index) => index + 1),
    "gapless from 1",
  );
});

test("a connection that swallows everything is noticed and replaced", async (t) => {
  const { queueId } = await queueAndCounter(direct.apollo);
  const listener = listen(t, queueId, { after: 0, patienceMs: 200 });
  await join(queueId, 1);
  await listener.until(await lastRevision(queueId));
  const before = proxy.connections;
  proxy.swallow();
  await join(queueId, 3);
  await eventually(() => proxy.connections > before);
  proxy.mend();
  await listener.until(await lastRevision(queueId));
  assert.deepEqual(listener.seen.all, await log(queueId));
});

test("without `after` nothing of before is heard, and nothing since is lost", async (t) => {
  const { queueId } = await queueAndCounter(direct.apollo);
  await join(queueId, 2);
  const start = await lastRevision(queueId);
  const listener = listen(t, queueId);
  await eventually(() => listener.last() !== undefined);
  proxy.cut(); // before the first event: there is nothing to resume from but the revision asked for
  await join(queueId, 2);
  proxy.mend();
  await join(queueId, 2);
  await listener.until(start + 4);
  assert.deepEqual(listener.revisions(), [start + 1, start + 2, start + 3, start + 4]);
});

test("an event whose handler fails comes again", async () => {
  const { queueId } = await queueAndCounter(direct.apollo);
  await join(queueId, 3);
  const last = await lastRevision(queueId);
  const seen = new Arrivals<number>();
  let failures = 0;
  const events = resumeQueueEvents(direct.socket.client, {
    queueId,
    after: 0,
    onEvent: (event) => {
      if (event.revision === 2 && failures++ === 0) throw new Error("the disk is full");
      seen.push(event.revision);
    },
    onError: (problem) => assert.fail(String(problem)),
  });
  await seen.next((revision) => revision === last, `revision ${last}`);
  events.stop();
  assert.deepEqual(
    seen.all,
    Array.from({ length: last }, (_, index) => index + 1),
  );
});

test("a refusal ends it, with its code", async () => {
  const { queueId } = await queueAndCounter(direct.apollo);
  const problem = await new Promise<GraphQLFailure>((resolve) => {
    resumeQueueEvents(direct.socket.client, {
      queueId,
      after: 1_000_000,
      onEvent: () => undefined,
      onError: (error) => resolve(error as GraphQLFailure),
    });
  });
  assert.equal(problem.code, "BAD_USER_INPUT");
  assert.ok(problem.requestId);
});

test("disposing of the connection ends it, without connecting again", async () => {
  const { queueId } = await queueAndCounter(direct.apollo);
  const statuses = new Arrivals<string>();
  const own = connection(login, { onStatus: statuses.push });
  const ended = new Arrivals<unknown>();
  const seen = new Arrivals<QueueEventDetailsFragment>();
  resumeQueueEvents(own.socket.client, { queueId, after: 0, onEvent: seen.push, onError: ended.push });
  await seen.next();
  await own.socket.dispose();
  assert.match(String(await ended.next()), /disposed/);
  await own.socket.dispose(); // once more does no harm
  assert.deepEqual(statuses.all, ["connecting", "connected", "idle"]);
});
