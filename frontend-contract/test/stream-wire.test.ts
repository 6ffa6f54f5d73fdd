/** Event streams that end and refuse in every way a server or somebody in between may: what the wiring makes of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANONYMOUS,
  type Credentials,
  createStreams,
  type Fetch,
  GraphQLFailure,
  type Live,
  type StreamsOptions,
} from "../src/index.ts";
import { Arrivals } from "./support/waiting.ts";

const NEXT = 'event: next\ndata: {"data":{"n":1}}\n\n';
const COMPLETE = "event: complete\ndata:\n\n";

function stream(text: string): Response {
  return new Response(text, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
}

function refused(status: number, code: string): Response {
  return Response.json({ errors: [{ message: "No.", extensions: { code, requestId: "request-1" } }] }, { status });
}

interface Run {
  readonly items: Arrivals<unknown>;
  readonly ended: Arrivals<unknown>;
  readonly tokens: (string | null)[];
  readonly streams: Live;
}

/** A subscription whose connections are answered in this order. */
function run(answers: (() => Response | Promise<Response>)[], options: Partial<StreamsOptions> = {}): Run {
  const tokens: (string | null)[] = [];
  const answering: Fetch = async (_input, init) => {
    tokens.push(new Headers(init?.headers).get("authorization"));
    const answer = answers.shift();
    assert.ok(answer, "connected once too often");
    return answer();
  };
  const backoff = { firstMs: 1, mostMs: 2 };
  const streams = createStreams({ url: "http://x/", credentials: ANONYMOUS, fetch: answering, backoff, ...options });
  const items = new Arrivals<unknown>();
  const ended = new Arrivals<unknown>();
  streams.client.subscribe(
    { query: "subscription { n }" },
    { next: items.push, error: ended.push, complete: () => ended.push("complete") },
  );
  return { items, ended, tokens, streams };
}

test("a stream that ends right behind an item, without `complete`, is asked for again", async () => {
  const { items, ended } = run([() => stream(NEXT), () => stream(":\n\n" + NEXT), () => stream(NEXT + COMPLETE)]);
  assert.equal(await ended.next(), "complete");
  assert.equal(items.all.length, 3);
});

test("what passes by itself is tried again, with whatever answers in between", async () => {
  const { ended, items } = run([
    () => refused(503, "UNAVAILABLE"),
    () => refused(429, "RATE_LIMITED"),
    () => new Response("<h1>Sign in to the hotel's network</h1>", { headers: { "content-type": "text/html" } }),
    () => Promise.reject(new TypeError("fetch failed")),
    () => stream(NEXT + COMPLETE),
  ]);
  assert.equal(await ended.next(), "complete");
  assert.equal(items.all.length, 1);
});

for (const [status, code] of [
  [400, "BAD_USER_INPUT"],
  [401, "UNAUTHENTICATED"],
  [403, "FORBIDDEN"],
] as const) {
  test(`${status} is final for somebody without a token, and says why`, async () => {
    const { ended } = run([() => refused(status, code)]);
    const problem = await ended.next();
    assert.ok(problem instanceof GraphQLFailure);
    assert.deepEqual([problem.code, problem.requestId], [code, "request-1"]);
  });
}

test("a refused token is renewed; a network that is down meanwhile is waited for", async () => {
  let token = "old";
  let tries = 0;
  const credentials: Credentials = {
    token: async () => token,
    renew: async (bad) => {
      assert.equal(bad, "old");
      if (tries++ < 2) throw new TypeError("fetch failed");
      token = "new";
      return true;
    },
    revoke: async () => undefined,
  };
  const { ended, tokens } = run([() => refused(401, "UNAUTHENTICATED"), () => stream(COMPLETE)], { credentials });
  assert.equal(await ended.next(), "complete");
  assert.deepEqual(tokens, ["Bearer old", "Bearer new"]);
  assert.equal(tries, 3);
});

test("a platform without streams is told so", async () => {
  const { ended } = run([() => Object.defineProperty(stream(NEXT), "body", { value: null })]);
  assert.match(String(await ended.next()), /gives no streams/);
});

test("unsubscribing stops a connection that is being waited for", async () => {
  const { ended, streams } = run([() => refused(503, "UNAVAILABLE")], { backoff: { firstMs: 60_000, mostMs: 60_000 } });
  await streams.dispose();
  assert.equal(await ended.next(), "complete");
});
