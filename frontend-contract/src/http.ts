/** One operation over HTTP, without a client library: what signing in and renewing need. No cache, no retries. */

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { type CodedError, GraphQLFailure } from "./results.ts";

export type Fetch = typeof fetch;

const TIMEOUT_MS = 15_000;

/** `fetch` that gives up after a while. React Native has no `AbortSignal.timeout`. */
export function patientFetch(inner: Fetch = fetch, timeoutMs = TIMEOUT_MS): Fetch {
  return async (input, init) => {
    const given = init?.signal;
    const abort = new AbortController();
    const follow = (): void => abort.abort(given?.reason);
    given?.addEventListener("abort", follow);
    if (given?.aborted === true) follow();
    const timer = setTimeout(() => abort.abort(new Error(`No answer within ${timeoutMs / 1000} s.`)), timeoutMs);
    try {
      return await inner(input, { ...init, signal: abort.signal });
    } finally {
      clearTimeout(timer);
      given?.removeEventListener("abort", follow);
    }
  };
}

/** Send one operation. Throws `GraphQLFailure` for errors, and whatever `fetch` throws when nobody answers. */
export async function execute<Data, Variables>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  options: { readonly token?: string | null; readonly fetch?: Fetch } = {},
): Promise<Data> {
  const response = await (options.fetch ?? patientFetch())(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
    },
    body: JSON.stringify({ query: print(document), variables }),
  });
  // A proxy's own error page is no JSON: that fails here, as a network error would.
  const body = (await response.json()) as { data?: Data | null; errors?: readonly CodedError[] };
  if (body.errors !== undefined && body.errors.length > 0) throw new GraphQLFailure(body.errors);
  if (body.data === undefined || body.data === null)
    throw new Error(`The server answered ${response.status} without data.`);
  return body.data;
}
