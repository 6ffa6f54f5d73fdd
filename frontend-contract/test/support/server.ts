/** The running server the tests talk to (`VQ_URL`), and what most tests do with it first. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type ApolloClient, CombinedGraphQLErrors } from "@apollo/client";
import WebSocket from "ws";
import {
  CounterCreateDocument,
  type QueueCreateInput,
  QueueCreateDocument,
  QueueJoinDocument,
  type QueueJoinInput,
  type VisitorSessionFragment,
} from "../../generated/operations.ts";
import {
  type Connection,
  type ConnectionOptions,
  connect,
  connectOverStreams,
  type StreamConnection,
} from "../../src/apollo/index.ts";
import {
  codeOf,
  type Credentials,
  type ErrorCode,
  execute,
  SessionToken,
  type StreamsOptions,
  succeeded,
} from "../../src/index.ts";

const server = process.env["VQ_URL"];
assert.ok(server, "VQ_URL must name a running server, e.g. VQ_URL=http://127.0.0.1:8000 npm test");

export const GRAPHQL_URL = `${server.replace(/\/$/, "")}/graphql`;
// Quick, so that a test of a broken connection is quick; everything else is as in a front-end.
const BACKOFF = { firstMs: 50, mostMs: 500 };

export const unique = (what: string): string => `${what}-${randomUUID().slice(0, 8)}`;

export function connection(credentials: Credentials, options: Partial<ConnectionOptions> = {}): Connection {
  return connect({
    url: GRAPHQL_URL,
    credentials,
    webSocketImpl: WebSocket,
    backoff: BACKOFF,
    idleCloseMs: 0,
    ...options,
  });
}

/** The same over event streams. */
export function streamConnection(credentials: Credentials, options: Partial<StreamsOptions> = {}): StreamConnection {
  return connectOverStreams({ url: GRAPHQL_URL, credentials, backoff: BACKOFF, ...options });
}

/** A new queue and a counter that serves it. */
export async function queueAndCounter(
  apollo: ApolloClient,
  config: Partial<QueueCreateInput> = {},
): Promise<{ readonly queueId: string; readonly counterId: string }> {
  const slug = unique("contract");
  const created = await apollo.mutate({
    mutation: QueueCreateDocument,
    variables: { input: { name: "Contract", slug, ticketPrefix: "C", ...config } },
  });
  assert.equal(created.data?.queueCreate.__typename, "QueueCreateSuccess");
  const queueId = created.data.queueCreate.queue.id;
  const counter = await apollo.mutate({
    mutation: CounterCreateDocument,
    variables: { input: { name: unique("Counter"), queueIds: [queueId] } },
  });
  assert.equal(counter.data?.counterCreate.__typename, "CounterCreateSuccess");
  return { queueId, counterId: counter.data.counterCreate.counter.id };
}

/** Somebody who joined, without a client library. */
export async function joined(
  queueId: string,
  input: Partial<QueueJoinInput> = {},
): Promise<{ readonly session: VisitorSessionFragment; readonly credentials: SessionToken }> {
  const { queueJoin } = await execute(GRAPHQL_URL, QueueJoinDocument, { input: { queueId, ...input } });
  assert.ok(succeeded(queueJoin), `joining was refused: ${queueJoin.__typename}`);
  return { session: queueJoin.session, credentials: new SessionToken(queueJoin.sessionToken) };
}

/** For `assert.rejects`: an answer with errors, of which the first has this code and says which request it was. */
export function coded(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    assert.equal(codeOf(error.errors), code);
    assert.equal(typeof error.errors[0]?.extensions?.["requestId"], "string");
    return true;
  };
}
