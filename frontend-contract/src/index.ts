/** Everything but Apollo Client, which is `./apollo`. Works in browsers, React Native and Node. */

export type { Backoff } from "./backoff.ts";
export * from "./close-codes.ts";
export * from "./credentials.ts";
export * from "./http.ts";
export * from "./idempotency.ts";
export * from "./login.ts";
export * from "./queue-events.ts";
export * from "./results.ts";
export * from "./revision.ts";
export * from "./socket.ts";
export * from "./stream.ts";
export * from "./token-store.ts";
