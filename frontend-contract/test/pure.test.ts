/** What needs no server: revisions, back-off, close codes, the cache's knowledge of types. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MySessionDocument, type VisitorSessionFragment } from "../generated/operations.ts";
import { createCache } from "../src/apollo/index.ts";
import { backoffMs } from "../src/backoff.ts";
import { closeAction, isNewer, newest, newIdempotencyKey, succeeded } from "../src/index.ts";

const session = (revision: number, queue = "q1", id = "s1") => ({ id, revision, queueId: queue });

test("within a queue the greater revision is newer, and of equals the later answer", () => {
  assert.equal(isNewer(null, session(1)), true);
  assert.equal(isNewer(session(5), session(6)), true);
  assert.equal(isNewer(session(5), session(5)), true);
  assert.equal(isNewer(session(5), session(4)), false);
  assert.equal(newest(session(5), session(4)).revision, 5);
});

test("an item that does not say its queue is compared by revision alone", () => {
  assert.equal(isNewer({ id: "s1", revision: 5 }, session(4)), false);
  assert.equal(isNewer({ id: "s1", revision: 5 }, session(6)), true);
});

test("revisions of different queues do not compare: after a transfer the later answer is newer", () => {
  assert.equal(isNewer(session(500, "q1"), session(3, "q2")), true);
  assert.equal(isNewer({ id: "q1", revision: 9 }, { id: "q2", revision: 1 }), true);
});

test("the wait doubles up to its most, and is spread over its upper half", () => {
  const backoff = { firstMs: 100, mostMs: 1_000 };
  const longest = [0, 1, 2, 3, 4, 100].map((retries) => backoffMs(retries, backoff, () => 1));
  const shortest = [0, 1, 2, 3, 4, 100].map((retries) => backoffMs(retries, backoff, () => 0));
  assert.deepEqual(longest, [100, 200, 400, 800, 1_000, 1_000]);
  assert.deepEqual(shortest, [50, 100, 200, 400, 500, 500]);
});

test("each close code has its answer", () => {
  const answers = [1006, 1012, 1013, 4401, 4403, 4400, 1009].map(closeAction);
  assert.deepEqual(answers, ["retry", "retry", "retry", "signOut", "renew", "fatal", "fatal"]);
});

test("success is told by the member's name", () => {
  assert.equal(succeeded({ __typename: "QueueJoinSuccess" }), true);
  assert.equal(succeeded({ __typename: "QueueFullError" }), false);
});

test("keys are never the same", () => {
  assert.equal(new Set(Array.from({ length: 1_000 }, newIdempotencyKey)).size, 1_000);
});

test("a session seen by one document is found by another", () => {
  const cache = createCache();
  const queue = { __typename: "Queue", id: "q1", name: "Reception" };
  const known: VisitorSessionFragment & { __typename: string } = {
    __typename: "Session",
    ...session(3),
    queue,
    ticketNumber: "R001",
    status: "WAITING",
    onHold: false,
    isBypassed: false,
    admission: null,
    position: 1,
    aheadCount: 0,
    estimatedWaitSeconds: null,
    estimatedWaitUnknown: null,
    estimatedWaitP50Seconds: null,
    estimatedWaitP90Seconds: null,
    estimatedWaitReason: null,
    callCount: 0,
    calledAt: null,
    startedAt: null,
    completedAt: null,
    cancelledAt: null,
    endedAt: null,
    counter: null,
    priority: 0,
    partySize: 1,
    locale: null,
    joinedAt: "2026-11-21T08:00:00Z",
    cancelledBy: null,
    cancelReason: null,
    waitSeconds: null,
    serviceSeconds: null,
    userIdentifier: null,
    metadata: null,
    contact: null,
    category: null,
  };
  cache.writeQuery({ query: MySessionDocument, variables: { sessionId: "other" }, data: { session: known } });
  const found = cache.readQuery({ query: MySessionDocument, variables: { sessionId: "s1" } });
  assert.equal(found?.session?.ticketNumber, "R001");
});
