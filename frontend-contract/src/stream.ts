/**
 * Subscriptions over server-sent events, for networks that let no websocket through: graphql-sse that stays connected,
 * as `createSocket` makes of graphql-ws. Each subscription has a connection of its own, so serve it over HTTP/2:
 * browsers open no more than six connections of HTTP/1.1 to a server. React Native's `fetch` gives no streams: pass one
 * that does, or use the socket.
 */

import { createClient } from "graphql-sse";
import type { Client } from "graphql-ws";
import { type Backoff, backoffMs, DEFAULT_BACKOFF, Patience } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import type { Fetch } from "./http.ts";
import { type CodedError, GraphQLFailure } from "./results.ts";
import type { Live, SocketStatus } from "./socket.ts";

export interface StreamsOptions {
  /** `https://queue.example/graphql` */
  readonly url: string;
  readonly credentials: Credentials;
  readonly fetch?: Fetch;
  readonly backoff?: Backoff;
  /** How long connecting may take, until the server has answered. Default 15 s. */
  readonly connectTimeoutMs?: number;
  /** A connection that has been silent for so long is given up; the server beats every 30 s. Default 75 s. */
  readonly silenceMs?: number;
  /** For a sign such as "connection lost, trying again": "connected" when every subscription is. */
  readonly onStatus?: (status: SocketStatus) => void;
}

const CONNECT_TIMEOUT_MS = 15_000;
const SILENCE_MS = 75_000;

// Of the refusals only these pass by themselves: too early, too slow, too many, and whatever is wrong on the other side.
function isPassing(status: number): boolean {
  return status >= 500 || [408, 425, 429].includes(status);
}

type Subscribe = Client["subscribe"];

interface Subscription {
  readonly patience: Patience;
  /** Connect anew, without waiting. */
  again(): void;
  end(): void;
}

/** What takes the place of a socket; `client.subscribe` is that of graphql-ws. */
export function createStreams(options: StreamsOptions): Live {
  const { onStatus, backoff = DEFAULT_BACKOFF } = options;
  const subscriptions = new Set<Subscription>();
  let told: SocketStatus = "idle";
  let connected = 0;

  function tell(status: SocketStatus): void {
    if (status === told) return;
    told = status;
    onStatus?.(status);
  }

  const subscribe: Subscribe = (payload, sink) => {
    const patience = new Patience();
    let isOver = false;
    let isUrgent = false;
    let fatal: Error | null = null;

    const connection = connecting(options, {
      onConnecting: () => tell("connecting"),
      onConnected: () => {
        connected += 1;
        if (connected === subscriptions.size) tell("connected");
      },
      onLost: (isComplete) => {
        connected -= 1;
        if (!isComplete) tell("closed");
      },
      onFatal: (problem) => {
        fatal = problem;
      },
      isOver: () => isOver,
      wait: (retries) => patience.wait(backoffMs(retries, backoff)),
    });
    // One client each, because graphql-sse does not say whose connection broke when it asks whether to try again.
    const client = createClient({
      url: options.url,
      fetchFn: connection.fetch,
      headers: connection.headers,
      retryAttempts: Number.POSITIVE_INFINITY,
      retry: async (retries) => {
        if (fatal !== null) throw fatal;
        if (!isUrgent) await patience.wait(backoffMs(retries, backoff));
        isUrgent = false;
      },
    });
    const subscription: Subscription = {
      patience,
      again: () => {
        isUrgent = connection.abort();
        patience.cut();
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        subscriptions.delete(subscription);
        client.dispose();
        patience.cut();
        if (subscriptions.size === 0) tell("idle");
      },
    };
    subscriptions.add(subscription);
    client.subscribe(payload as Parameters<typeof client.subscribe>[0], {
      next: (result) => sink.next(result as Parameters<typeof sink.next>[0]),
      error: (problem) => {
        subscription.end();
        sink.error(problem);
      },
      complete: () => {
        subscription.end();
        sink.complete();
      },
    });
    return subscription.end;
  };

  const wake = (): void => {
    for (const { patience } of subscriptions) patience.cut();
  };
  const target = globalThis as Partial<Pick<Window, "addEventListener" | "removeEventListener">>;
  target.addEventListener?.("online", wake);
  return {
    client: { subscribe },
    wake,
    reconnect: () => {
      for (const subscription of subscriptions) subscription.again();
    },
    dispose: async () => {
      target.removeEventListener?.("online", wake);
      for (const subscription of subscriptions) subscription.end();
    },
  };
}

interface ConnectionEvents {
  onConnecting(): void;
  onConnected(): void;
  /** After `onConnected` only; with nothing lost where graphql-sse itself has ended it. */
  onLost(isComplete: boolean): void;
  /** Trying again would be answered in the same way. */
  onFatal(problem: Error): void;
  isOver(): boolean;
  wait(retries: number): Promise<void>;
}

/** What graphql-sse asks for each time it connects one subscription: headers, then the answer. */
function connecting(options: StreamsOptions, events: ConnectionEvents) {
  const { credentials, fetch: inner = fetch } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, silenceMs = SILENCE_MS } = options;
  let sent: string | null = null;
  let refused: string | null = null;
  let current: AbortController | null = null;
  let isStale = false;

  /** Never throws: a network that is down is waited for; nobody signed in means nobody's token. */
  async function tokenForNow(): Promise<string | null> {
    for (let retries = 0; !events.isOver(); retries += 1) {
      try {
        if (refused !== null && !(await credentials.renew(refused))) return null;
        refused = null;
        return await credentials.token();
      } catch {
        await events.wait(retries);
      }
    }
    return null;
  }

  async function headers(): Promise<Record<string, string>> {
    events.onConnecting();
    isStale = false;
    sent = await tokenForNow();
    return sent === null ? {} : { authorization: `Bearer ${sent}` };
  }

  async function connect(input: Parameters<Fetch>[0], init: Parameters<Fetch>[1]): Promise<Response> {
    // Somebody signed in or out while the token was being asked for.
    if (isStale) throw new Error("Connecting anew.");
    const abort = new AbortController();
    current = abort;
    const follow = (): void => abort.abort(init?.signal?.reason);
    init?.signal?.addEventListener("abort", follow);
    const timer = setTimeout(() => abort.abort(new Error("The server did not answer.")), connectTimeoutMs);
    try {
      const response = await inner(input, { ...init, signal: abort.signal });
      if (!response.ok) throw await refusal(response);
      if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true)
        throw new Error("Something in between answered.");
      if (!response.body) throw failed(new Error("This platform's fetch gives no streams: pass one that does."));
      events.onConnected();
      abort.signal.addEventListener("abort", () => {
        init?.signal?.removeEventListener("abort", follow);
        events.onLost(init?.signal?.aborted === true);
      });
      return new Response(watched(response.body, silenceMs, abort));
    } finally {
      clearTimeout(timer);
    }
  }

  async function refusal(response: Response): Promise<Error> {
    if (response.status === 401 && sent !== null) refused = sent;
    else if (!isPassing(response.status)) {
      const body = (await response.json().catch(() => ({}))) as { errors?: readonly CodedError[] };
      return failed(new GraphQLFailure(body.errors ?? [{ message: `The server answered ${response.status}.` }]));
    }
    return new Error(`The server answered ${response.status}.`);
  }

  function failed(problem: Error): Error {
    events.onFatal(problem);
    return problem;
  }

  return {
    headers,
    fetch: connect,
    /** Give the connection up; true if there was one. */
    abort: (): boolean => {
      isStale = true;
      const found = current !== null && !current.signal.aborted;
      current?.abort(new Error("Connecting anew."));
      return found;
    },
  };
}

/** The same bytes, given up after a silence. Its end comes a moment later than the last of them: see below. */
function watched(body: ReadableStream<Uint8Array>, silenceMs: number, abort: AbortController): ReadableStream {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await read(reader, silenceMs, abort);
        if (!done) return controller.enqueue(value);
        await nextTurn();
        controller.close();
      } catch (problem) {
        await nextTurn();
        controller.error(problem);
      }
      abort.abort();
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The next bytes. Rejects when the connection is given up, which a platform's own `read` does not always. */
function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  silenceMs: number,
  abort: AbortController,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => abort.abort(new Error(`Silent for ${silenceMs / 1000} s.`)), silenceMs);
    const settled = (): void => {
      clearTimeout(timer);
      abort.signal.removeEventListener("abort", given);
    };
    const given = (): void => {
      settled();
      reject(abort.signal.reason);
    };
    abort.signal.addEventListener("abort", given);
    reader.read().then(resolve, reject).finally(settled);
  });
}

/**
 * graphql-sse comes back only if it waits for an item. One that has just come keeps it busy until this turn of the event
 * loop is over; an end in the same turn would leave it waiting for ever.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
