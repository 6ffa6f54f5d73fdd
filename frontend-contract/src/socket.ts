/**
 * A graphql-ws client that stays connected: authenticated, renewed when its token ends, back after every break.
 * Whatever is fatal to graphql-ws stays fatal: it ends the operations, and their sinks are told.
 */

import { type Client, createClient } from "graphql-ws";
import { type Backoff, backoffMs, DEFAULT_BACKOFF, Patience } from "./backoff.ts";
import { closeAction } from "./close-codes.ts";
import type { Credentials } from "./credentials.ts";

export type SocketStatus = "idle" | "connecting" | "connected" | "closed";

/** The part of a WebSocket class this needs; the browser's, React Native's and `ws` have it. */
export type WebSocketClass = new (
  url: string,
  protocols?: string | string[],
) => {
  readonly readyState: number;
  close(): void;
  addEventListener(type: "open" | "close", listener: () => void): void;
};

export interface SocketOptions {
  /** `wss://queue.example/graphql` */
  readonly url: string;
  readonly credentials: Credentials;
  /** For Node: the `ws` package. Browsers and React Native bring their own. */
  readonly webSocketImpl?: WebSocketClass;
  readonly backoff?: Backoff;
  /** How long connecting may take, until the server has acknowledged. Default 15 s. */
  readonly connectTimeoutMs?: number;
  /** A ping after this much silence, and so long for its pong, before the connection is given up. Default 12 s. */
  readonly keepAliveMs?: number;
  /** The connection is kept this long after the last operation ended, for the next screen. Default 5 s. */
  readonly idleCloseMs?: number;
  /** For a sign such as "connection lost, trying again". */
  readonly onStatus?: (status: SocketStatus, closeCode?: number) => void;
}

/** What keeps subscriptions going: a socket, or event streams (`createStreams`). */
export interface Live {
  readonly client: Pick<Client, "subscribe">;
  /** Connect anew with the credentials of now: after signing in or out. */
  reconnect(): void;
  /** Do not wait out the back-off: the network is back, the app came to the front. */
  wake(): void;
  dispose(): Promise<void>;
}

export interface Socket extends Live {
  /** Unmodified graphql-ws: `client.subscribe`, `client.iterate`, Apollo's `GraphQLWsLink(client)`. */
  readonly client: Client;
}

const CONNECT_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 12_000;
const IDLE_CLOSE_MS = 5_000;

export function createSocket(options: SocketOptions): Socket {
  const { credentials, backoff = DEFAULT_BACKOFF, onStatus } = options;
  const { keepAliveMs = KEEP_ALIVE_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const patience = new Patience();
  let sent: string | null = null;
  let refused: string | null = null;
  let disposed = false;
  let wanted = 0;
  let used = 0;
  let connected = false;
  let pongIsLate: ReturnType<typeof setTimeout> | undefined;

  /** Never throws: a network that is down is waited for; nobody signed in means nobody's token. */
  async function tokenForNow(): Promise<string | null> {
    for (let retries = 0; !disposed; retries += 1) {
      try {
        const bad = refused;
        if (bad !== null) await credentials.renew(bad);
        const token = await credentials.token();
        if (refused === bad) refused = null;
        return token;
      } catch {
        await patience.wait(backoffMs(retries, backoff));
      }
    }
    return null;
  }

  const client = createClient({
    // Asked for before the connection is opened, so that renewing does not run into the server's time for the init.
    url: async () => {
      used = wanted;
      sent = await tokenForNow();
      return options.url;
    },
    connectionParams: () => (sent === null ? {} : { authorization: `Bearer ${sent}` }),
    webSocketImpl: impatient(options.webSocketImpl ?? platformWebSocket(), connectTimeoutMs),
    connectionAckWaitTimeout: connectTimeoutMs,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => patience.wait(backoffMs(retries, backoff)),
    // Also when there was no close code: some platforms report a failed connection as an error only.
    shouldRetry: () => true,
    lazyCloseTimeout: options.idleCloseMs ?? IDLE_CLOSE_MS,
    keepAlive: keepAliveMs,
    on: {
      connecting: () => onStatus?.("connecting"),
      connected: () => {
        // Somebody signed in or out while this connection was being made.
        if (used !== wanted) return client.terminate();
        connected = true;
        onStatus?.("connected");
      },
      ping: (received) => {
        if (received) return;
        // A network that swallows everything closes nothing: only a missing pong shows it.
        pongIsLate = setTimeout(() => client.terminate(), keepAliveMs);
      },
      pong: (received) => {
        if (received) clearTimeout(pongIsLate);
      },
      closed: (event) => {
        clearTimeout(pongIsLate);
        connected = false;
        const code = (event as { code?: number }).code ?? 1006;
        const action = closeAction(code);
        if (action === "renew") refused = sent;
        if (action === "signOut" && sent !== null) void credentials.revoke(sent);
        onStatus?.(code === 1000 ? "idle" : "closed", code);
      },
    },
  });

  const wake = (): void => patience.cut();
  // React Native has neither; see the README for its AppState.
  const target = globalThis as Partial<Pick<Window, "addEventListener" | "removeEventListener">>;
  target.addEventListener?.("online", wake);

  return {
    client,
    wake,
    reconnect: () => {
      wanted += 1;
      // One that is being made is dropped as soon as it stands, see `connected`.
      if (connected) client.terminate();
      patience.cut();
    },
    dispose: async () => {
      disposed = true;
      target.removeEventListener?.("online", wake);
      patience.cut();
      // Rejected when a connection was just being made for operations that are gone: then there is none, as wanted.
      await Promise.resolve(client.dispose()).catch(() => undefined);
    },
  };
}

function platformWebSocket(): WebSocketClass {
  const found = (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
  if (found === undefined)
    throw new Error("There is no WebSocket here: pass `webSocketImpl`, e.g. that of the `ws` package.");
  return found;
}

/** Platforms wait minutes for a handshake that nobody answers: give up before. */
function impatient(Implementation: WebSocketClass, timeoutMs: number): WebSocketClass {
  return class extends Implementation {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols);
      const timer = setTimeout(() => this.close(), timeoutMs);
      for (const type of ["open", "close"] as const) this.addEventListener(type, () => clearTimeout(timer));
    }
  };
}
