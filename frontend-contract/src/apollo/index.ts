/** Apollo Client over HTTP and the socket (or event streams), in one call. */

import { ApolloClient, ApolloLink } from "@apollo/client";
import type { Credentials } from "../credentials.ts";
import type { Fetch } from "../http.ts";
import { createSocket, type Live, type Socket, type SocketOptions } from "../socket.ts";
import { createStreams, type StreamsOptions } from "../stream.ts";
import { createCache } from "./cache.ts";
import { authLink, renewLink, retryLink, transportLink } from "./links.ts";

export * from "./cache.ts";
export * from "./links.ts";

export interface ConnectionOptions extends Omit<SocketOptions, "url"> {
  /** The endpoint, e.g. `https://queue.example/graphql`; the socket has the same address. */
  readonly url: string;
  readonly credentials: Credentials;
  readonly fetch?: Fetch;
}

export interface Connection {
  readonly apollo: ApolloClient;
  readonly socket: Socket;
}

export interface StreamConnection {
  readonly apollo: ApolloClient;
  readonly streams: Live;
}

/** After signing in or out: `socket.reconnect()`, and `apollo.clearStore()` when somebody else will be looking. */
export function connect(options: ConnectionOptions): Connection {
  const { url, credentials, fetch, ...rest } = options;
  const socket = createSocket({ ...rest, credentials, url: url.replace(/^http/, "ws") });
  return { apollo: createApollo(url, credentials, socket, fetch), socket };
}

/** The same where no websocket comes through: subscriptions as event streams. */
export function connectOverStreams(options: StreamsOptions): StreamConnection {
  const streams = createStreams(options);
  return { apollo: createApollo(options.url, options.credentials, streams, options.fetch), streams };
}

function createApollo(url: string, credentials: Credentials, live: Live, fetch?: Fetch): ApolloClient {
  return new ApolloClient({
    cache: createCache(),
    link: ApolloLink.from([
      retryLink(),
      renewLink(credentials),
      authLink(credentials),
      transportLink(url, live.client, fetch),
    ]),
  });
}
