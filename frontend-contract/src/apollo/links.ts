/** The links between Apollo Client and the server: who asks, what is tried again, and over which transport. */

import { ApolloLink, CombinedGraphQLErrors, HttpLink, ServerError } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { RetryLink } from "@apollo/client/link/retry";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import type { Client } from "graphql-ws";
import { OperationTypeNode } from "graphql";
import { from, mergeMap, throwError } from "rxjs";
import type { Credentials } from "../credentials.ts";
import { type Fetch, patientFetch } from "../http.ts";
import { codeOf, GraphQLFailure } from "../results.ts";
import type { Live } from "../socket.ts";

/** Puts the token of the moment into every request. */
export function authLink(credentials: Credentials): ApolloLink {
  return new SetContextLink(async (previous) => {
    const { headers } = previous as { readonly headers?: Readonly<Record<string, string>> };
    const token = await credentials.token();
    return token === null ? {} : { token, headers: { ...headers, authorization: `Bearer ${token}` } };
  });
}

/** Renews a token the server refused, and sends the operation once more. */
export function renewLink(credentials: Credentials): ApolloLink {
  return new ErrorLink(({ error, operation, forward }) => {
    const { token, renewed } = operation.getContext() as { token?: string; renewed?: boolean };
    if (token === undefined || renewed === true || !isUnauthenticated(error)) return undefined;
    operation.setContext({ renewed: true });
    return from(credentials.renew(token)).pipe(mergeMap((ok) => (ok ? forward(operation) : throwError(() => error))));
  });
}

/** Tries again what may be tried again: reading, and mutations that carry an idempotency key. */
export function retryLink(): ApolloLink {
  return new RetryLink({
    delay: { initial: 300, max: 5_000, jitter: true },
    attempts: { max: 5, retryIf: (error, operation) => isTransient(error) && isRepeatable(operation) },
  });
}

/** Subscriptions over the socket, or event streams, everything else over HTTP. */
export function transportLink(url: string, live: Live["client"], fetch?: Fetch): ApolloLink {
  return ApolloLink.split(
    isSubscription,
    new GraphQLWsLink(live as Client), // it only subscribes
    new HttpLink({ uri: url, fetch: patientFetch(fetch) }),
  );
}

function isSubscription(operation: ApolloLink.Operation): boolean {
  return operation.operationType === OperationTypeNode.SUBSCRIPTION;
}

function isUnauthenticated(error: unknown): boolean {
  return CombinedGraphQLErrors.is(error) && codeOf(error.errors) === "UNAUTHENTICATED";
}

/** Nobody answered, or a proxy said that nobody is there. */
function isTransient(error: unknown): boolean {
  if (CombinedGraphQLErrors.is(error) || error instanceof GraphQLFailure) return false;
  return !ServerError.is(error) || [502, 503, 504].includes(error.statusCode);
}

function isRepeatable(operation: ApolloLink.Operation): boolean {
  if (operation.operationType === OperationTypeNode.QUERY) return true;
  if (operation.operationType === OperationTypeNode.SUBSCRIPTION) return false; // graphql-ws has done that
  const input: unknown = operation.variables["input"];
  return typeof input === "object" && input !== null && "idempotencyKey" in input && input.idempotencyKey != null;
}
