/** Tokens end, are renewed once for everybody, and are taken away: over HTTP and on the socket. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type QueueEventDetailsFragment,
  QueueListDocument,
  UserDeactivateDocument,
  UserCreateDocument,
  UserUpdateDocument,
} from "../generated/operations.ts";
import type { Connection } from "../src/apollo/index.ts";
import { type Fetch, Login, MemoryTokenStore, resumeQueueEvents } from "../src/index.ts";
import { newBusiness } from "./support/business.ts";
import { coded, connection, GRAPHQL_URL, joined, queueAndCounter, unique } from "./support/server.ts";
import { Arrivals } from "./support/waiting.ts";

const business = await newBusiness();
const boss = await business.signedIn();
let office: Connection;

before(() => {
  office = connection(boss);
});

after(async () => {
  await office.socket.dispose();
  await business.remove();
});

/** `fetch` that counts how often an operation was sent. */
function counting(operation: string): { readonly fetch: Fetch; readonly count: () => number } {
  let count = 0;
  return {
    count: () => count,
    fetch: (input, init) => {
      if (String(init?.body).includes(operation)) count += 1;
      return fetch(input, init);
    },
  };
}

/** What `navigator.locks` gives browsers, which Node 20 does not have. */
class OneAtATime extends MemoryTokenStore {
  #last: Promise<unknown> = Promise.resolve();

  override exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done;
    return done;
  }
}

async function newStaff(): Promise<{ readonly email: string; readonly userId: string }> {
  const email = `${unique("staff")}@${business.slug}.example`;
  const { data } = await office.apollo.mutate({
    mutation: UserCreateDocument,
    variables: { input: { email, password: business.password, role: "STAFF" } },
  });
  assert.equal(data?.userCreate.__typename, "UserCreateSuccess");
  return { email, userId: data.userCreate.user.id };
}

async function promote(userId: string): Promise<void> {
  const { data } = await office.apollo.mutate({
    mutation: UserUpdateDocument,
    variables: { input: { userId, role: "MANAGER" } },
  });
  assert.equal(data?.userUpdate.__typename, "UserUpdateSuccess");
}

test("wrong credentials are a member of the union, and sign nobody in", async () => {
  const login = new Login({ url: GRAPHQL_URL });
  const result = await login.signIn({
    tenantSlug: business.slug,
    email: "nobody@demo.example",
    password: "wrong password",
  });
  assert.equal(result.__typename, "InvalidCredentialsError");
  assert.equal(await login.token(), null);
});

test("however many need a new token at once, the refresh token is used once", async () => {
  const refreshes = counting("loginRefresh");
  const login = await business.signedIn({ fetch: refreshes.fetch }, (await newStaff()).email);
  const old = await login.token();
  assert.ok(old);
  const renewed = await Promise.all(Array.from({ length: 10 }, () => login.renew(old)));
  assert.ok(renewed.every(Boolean));
  assert.equal(refreshes.count(), 1);
  assert.notEqual(await login.token(), old);
  assert.equal(await login.renew(old), true, "the new one is good: nothing to renew");
  assert.equal(refreshes.count(), 1);
});

test("a sign-in survives a reload through its store", async () => {
  const store = new MemoryTokenStore();
  const { email } = await newStaff();
  await business.signedIn({ store }, email);
  const reloaded = new Login({ url: GRAPHQL_URL, store });
  assert.equal((await reloaded.resume())?.email, email);
  const other = await new Login({ url: GRAPHQL_URL }).resume();
  assert.equal(other, null, "nothing stored: nobody");
});

test("two tabs that share a store never send the same refresh token", async () => {
  const sent: string[] = [];
  const listening: Fetch = (input, init) => {
    const { variables } = JSON.parse(String(init?.body)) as { variables: { input: { refreshToken?: string } } };
    if (variables.input.refreshToken !== undefined) sent.push(variables.input.refreshToken);
    return fetch(input, init);
  };
  const store = new OneAtATime();
  const { email } = await newStaff();
  const one = await business.signedIn({ store, fetch: listening }, email);
  const two = new Login({ url: GRAPHQL_URL, store, fetch: listening });
  const old = await one.token();
  assert.ok(old);
  const [first, second] = await Promise.all([one.renew(old), two.resume()]);
  assert.ok(first && second);
  assert.equal(new Set(sent).size, 2);
  assert.ok(await store.load());
});

test("a token the server refuses is renewed once for all requests, and they succeed", async () => {
  const { email, userId } = await newStaff();
  const refreshes = counting("loginRefresh");
  const login = await business.signedIn({ fetch: refreshes.fetch }, email);
  const console_ = connection(login);
  await promote(userId); // tokens of before say other permissions: UNAUTHENTICATED until refreshed
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, index) =>
      console_.apollo.query({ query: QueueListDocument, variables: { first: 10 + index }, fetchPolicy: "no-cache" }),
    ),
  );
  for (const { data } of answers) assert.ok(data?.queues);
  assert.equal(refreshes.count(), 1);
  await console_.socket.dispose();
});

test("a socket closed with 4403 renews its token, comes back, and its events go on", async () => {
  const { email, userId } = await newStaff();
  const { queueId } = await queueAndCounter(office.apollo);
  const login = await business.signedIn({}, email);
  const codes = new Arrivals<number>();
  const console_ = connection(login, { onStatus: (_, code) => code !== undefined && codes.push(code) });
  const seen = new Arrivals<QueueEventDetailsFragment>();
  const events = resumeQueueEvents(console_.socket.client, {
    queueId,
    after: 0,
    onEvent: seen.push,
    onError: (problem) => assert.fail(String(problem)),
  });
  await seen.next();
  const old = await login.token();
  await promote(userId);
  await joined(queueId);
  assert.equal(await codes.next(), 4403);
  const { session } = await joined(queueId);
  const last = await seen.next((event) => event.sessionId === session.id, "the second join");
  assert.deepEqual(
    seen.all.map((event) => event.revision),
    Array.from({ length: last.revision }, (_, index) => index + 1),
  );
  assert.notEqual(await login.token(), old);
  events.stop();
  await console_.socket.dispose();
});

test("signing out ends the sockets of the sign-in with 4401, for good", async () => {
  const { email } = await newStaff();
  const { queueId } = await queueAndCounter(office.apollo);
  const store = new MemoryTokenStore();
  const users = new Arrivals<string | null>();
  const login = await business.signedIn({ store, onChange: (user) => users.push(user?.email ?? null) }, email);
  const console_ = connection(login);
  const ended = new Arrivals<unknown>();
  const seen = new Arrivals<QueueEventDetailsFragment>();
  resumeQueueEvents(console_.socket.client, { queueId, after: 0, onEvent: seen.push, onError: ended.push });
  await seen.next();
  const elsewhere = new Login({ url: GRAPHQL_URL, store }); // another tab of the same browser
  await elsewhere.signOut();
  const problem = (await ended.next()) as { code?: number };
  assert.equal(problem.code, 4401);
  await users.next((user) => user === null, "the sign-out");
  assert.equal(await login.token(), null);
  await console_.socket.dispose();
});

test("a deactivated user is signed out wherever they are", async () => {
  const { email, userId } = await newStaff();
  const { queueId } = await queueAndCounter(office.apollo);
  const users = new Arrivals<string | null>();
  const login = await business.signedIn({ onChange: (user) => users.push(user?.email ?? null) }, email);
  const console_ = connection(login);
  const ended = new Arrivals<unknown>();
  const seen = new Arrivals<QueueEventDetailsFragment>();
  resumeQueueEvents(console_.socket.client, { queueId, after: 0, onEvent: seen.push, onError: ended.push });
  await seen.next();
  await office.apollo.mutate({ mutation: UserDeactivateDocument, variables: { input: { userId } } });
  assert.equal(((await ended.next()) as { code?: number }).code, 4401);
  await users.next((user) => user === null, "the sign-out");
  await assert.rejects(
    console_.apollo.query({ query: QueueListDocument, variables: { first: 1 }, fetchPolicy: "no-cache" }),
    coded("UNAUTHENTICATED"),
  );
  await console_.socket.dispose();
});

const lifeSeconds = await accessTokenSeconds();

test(
  "an access token that ends of itself closes the socket with 4403, and a new one brings it back",
  { skip: lifeSeconds > 60 && "set VQ_ACCESS_TOKEN_SECONDS=30 for the server to run this" },
  async () => {
    const codes = new Arrivals<number>();
    const { queueId } = await queueAndCounter(office.apollo);
    const login = await business.signedIn();
    const console_ = connection(login, { onStatus: (_, code) => code !== undefined && codes.push(code) });
    const seen = new Arrivals<QueueEventDetailsFragment>();
    const events = resumeQueueEvents(console_.socket.client, {
      queueId,
      after: 0,
      onEvent: seen.push,
      onError: (problem) => assert.fail(String(problem)),
    });
    await seen.next();
    assert.equal(await codes.next(() => true, "the close", (lifeSeconds + 5) * 1000), 4403);
    const { session } = await joined(queueId);
    await seen.next((event) => event.sessionId === session.id, "the join after the renewal");
    events.stop();
    await console_.socket.dispose();
  },
);

async function accessTokenSeconds(): Promise<number> {
  const token = (await boss.token()) ?? "";
  const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const { exp, iat } = claims as { exp: number; iat: number };
  return exp - iat;
}
