/** What a close code of the socket means, and what this client does about it. graphql-ws itself says what is fatal. */

export type CloseAction =
  /** The token is over or its permissions changed: renew it, connect again. */
  | "renew"
  /** The token was revoked: nobody is signed in any more. graphql-ws ends every operation. */
  | "signOut"
  /** The connection is gone, the server restarts or is full: connect again, after a while. */
  | "retry"
  /** A mistake of this client: connecting again would repeat it. graphql-ws ends every operation. */
  | "fatal";

const ACTIONS: Readonly<Record<number, CloseAction>> = {
  1000: "retry", // closed because nobody listened; with listeners graphql-ws connects again
  1001: "retry", // going away, or this side did not answer the server's pings
  1005: "retry",
  1006: "retry", // cut without a word
  1012: "retry", // deploying
  1013: "retry", // overloaded
  1014: "retry",
  4004: "fatal", // this side could not read a message
  4005: "fatal", // this side failed
  4400: "fatal", // a message the protocol does not know
  4401: "signOut",
  4403: "renew",
  4406: "fatal", // not graphql-transport-ws
  4408: "retry", // connection_init came too late
  4409: "fatal", // an operation id twice
  4429: "fatal", // connection_init twice
  4499: "retry", // this side gave the connection up: no pong
  4500: "fatal",
};

/** What to do after a close code. */
export function closeAction(code: number): CloseAction {
  // Of the codes of the websocket protocol itself, those not named are mistakes: 1002, 1009 (message too large) …
  return ACTIONS[code] ?? (code < 2000 ? "fatal" : "retry");
}
