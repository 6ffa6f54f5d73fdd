/** A visit from joining to its end, as a front-end sees it: Apollo Client, and graphql-ws for what is live. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FormattedExecutionResult } from "graphql";
import { print } from "graphql";
import {
  MySessionDocument,
  QueueBySlugDocument,
  QueueCallNextDocument,
  QueueJoinDocument,
  SessionChangedDocument,
  type SessionChangedSubscription,
  SessionCompleteDocument,
  type SessionPlaceFragment,
  SessionStartDocument,
  DisplayChangedDocument,
} from "../generated/operations.ts";
import type { Connection } from "../src/apollo/index.ts";
import { ANONYMOUS, isNewer, newIdempotencyKey, SessionToken } from "../src/index.ts";
import { type Business, newBusiness } from "./support/business.ts";
import { coded, connection, joined, queueAndCounter } from "./support/server.ts";
import { Arrivals } from "./support/waiting.ts";

let business: Business;
let staff: Connection;
let queueId: string;
let counterId: string;

before(async () => {
  business = await newBusiness();
  staff = connection(await business.signedIn());
  ({ queueId, counterId } = await queueAndCounter(staff.apollo));
});

after(async () => {
  await staff.socket.dispose();
  await business.remove();
});

async function callNext(): Promise<string> {
  const { data } = await staff.apollo.mutate({
    mutation: QueueCallNextDocument,
    variables: { input: { queueId, counterId, idempotencyKey: newIdempotencyKey() } },
  });
  assert.equal(data?.queueCallNext.__typename, "QueueCallNextSuccess");
  return data.queueCallNext.session.id;
}

async function start(sessionId: string): Promise<void> {
  const { data } = await staff.apollo.mutate({ mutation: SessionStartDocument, variables: { input: { sessionId } } });
  assert.equal(data?.sessionStart.__typename, "SessionStartSuccess");
}

async function complete(sessionId: string): Promise<void> {
  const { data } = await staff.apollo.mutate({
    mutation: SessionCompleteDocument,
    variables: { input: { sessionId } },
  });
  assert.equal(data?.sessionComplete.__typename, "SessionCompleteSuccess");
}

test("a visitor joins, watches the line move, is called, served and done", async () => {
  const first = await joined(queueId);
  const second = await joined(queueId);

  const stranger = connection(ANONYMOUS);
  const { data } = await stranger.apollo.mutate({
    mutation: QueueJoinDocument,
    variables: { input: { queueId, userIdentifier: "ada", contact: { email: "ada@example.com" } } },
  });
  assert.equal(data?.queueJoin.__typename, "QueueJoinSuccess");
  const { session, sessionToken } = data.queueJoin;
  assert.equal(session.position, 3);
  assert.equal(session.contact?.email, "ada@example.com");

  const visitor = connection(new SessionToken(sessionToken));
  const seen = new Arrivals<SessionPlaceFragment>();
  const ended = new Promise<void>((resolve, reject) => {
    visitor.socket.client.subscribe<SessionChangedSubscription>(
      { query: print(SessionChangedDocument), variables: { sessionId: session.id } },
      {
        next: (result: FormattedExecutionResult<SessionChangedSubscription>) => {
          assert.equal(result.errors, undefined);
          if (result.data) seen.push(result.data.sessionChanged);
        },
        error: reject,
        complete: resolve,
      },
    );
  });

  const initial = await seen.next();
  assert.deepEqual([initial.status, initial.position, initial.aheadCount], ["WAITING", 3, 2]);
  for (const [ahead, position] of [
    [first, 2],
    [second, 1],
  ] as const) {
    assert.equal(await callNext(), ahead.session.id);
    const moved = await seen.next((item) => item.position === position, `position ${position}`);
    assert.equal(moved.status, "WAITING");
    await start(ahead.session.id);
    await complete(ahead.session.id);
  }
  assert.equal(await callNext(), session.id);
  const called = await seen.next((item) => item.status === "CALLED", "CALLED");
  assert.equal(called.position, null);
  assert.equal(called.counter?.id, counterId);
  await start(session.id);
  await seen.next((item) => item.status === "SERVING", "SERVING");
  await complete(session.id);
  const done = await seen.next((item) => item.status === "COMPLETED", "COMPLETED");
  assert.ok(done.completedAt);
  await ended; // the server completes the feed after the item that shows the end

  for (const [index, item] of seen.all.entries()) {
    assert.ok(isNewer(seen.all[index - 1], item), `item ${index} is older than the one before`);
  }
  const once = await visitor.apollo.query({ query: MySessionDocument, variables: { sessionId: session.id } });
  assert.deepEqual(
    [once.data?.session?.status, once.data?.session?.revision],
    [done.status, done.revision],
    "the last item is what a query answers",
  );
  assert.ok((once.data?.session?.serviceSeconds ?? -1) >= 0);
  await visitor.socket.dispose();
});

test("a display shows who is called, without a sign-in and over Apollo's subscriptions", async () => {
  const { session } = await joined(queueId);
  const board = connection(ANONYMOUS);
  const shown = new Arrivals<string[]>();
  const subscription = board.apollo
    .subscribe({ query: DisplayChangedDocument, variables: { queueIds: [queueId] } })
    .subscribe((result) => {
      const [queue] = result.data?.displayChanged.queues ?? [];
      shown.push(queue?.nowServing.map((call) => call.ticketNumber) ?? []);
    });
  assert.deepEqual(await shown.next(), []);
  const called = await callNext();
  await shown.next((tickets) => tickets.includes(session.ticketNumber), session.ticketNumber);
  await start(called);
  await complete(called);
  await shown.next((tickets) => tickets.length === 0, "an empty board");
  subscription.unsubscribe();
  await board.socket.dispose();
});

test("the same idempotency key joins once", async () => {
  const idempotencyKey = newIdempotencyKey();
  const one = await joined(queueId, { idempotencyKey });
  const again = await joined(queueId, { idempotencyKey });
  assert.equal(again.session.id, one.session.id);
  assert.equal(await callNext(), one.session.id);
  await start(one.session.id);
  await complete(one.session.id);
});

test("refusals are members of the union, with what one needs to act on them", async () => {
  const { queueId: closed, counterId: counter } = await queueAndCounter(staff.apollo, { capacity: 1 });
  const { session } = await joined(closed, { userIdentifier: "grace" });
  const join = async (userIdentifier: string) => {
    const { data } = await staff.apollo.mutate({
      mutation: QueueJoinDocument,
      variables: { input: { queueId: closed, userIdentifier } },
    });
    assert.ok(data);
    return data.queueJoin;
  };
  const twice = await join("grace");
  assert.equal(twice.__typename, "AlreadyWaitingError");
  assert.equal(twice.session.id, session.id);
  const full = await join("heidi");
  assert.equal(full.__typename, "QueueFullError");
  assert.deepEqual([full.capacity, full.waitingCount], [1, 1]);
  assert.ok(full.message);
  const early = await staff.apollo.mutate({
    mutation: SessionCompleteDocument,
    variables: { input: { sessionId: session.id } },
  });
  assert.equal(early.data?.sessionComplete.__typename, "IllegalTransitionError");
  assert.equal(early.data.sessionComplete.sessionStatus, "WAITING");
  const wrong = await staff.apollo.mutate({
    mutation: QueueCallNextDocument,
    variables: { input: { queueId, counterId: counter } },
  });
  assert.equal(wrong.data?.queueCallNext.__typename, "CounterNotServingQueueError");
});

test("what can happen anywhere comes as an error with a code", async () => {
  const stranger = connection(ANONYMOUS);
  const { session } = await joined(queueId);
  await assert.rejects(
    stranger.apollo.query({ query: MySessionDocument, variables: { sessionId: session.id } }),
    coded("UNAUTHENTICATED"),
  );
  const found = await stranger.apollo.query({
    query: QueueBySlugDocument,
    variables: { tenantSlug: "demo", slug: "reception" },
  });
  assert.equal(found.data?.queueBySlug?.name, "Reception");
});
