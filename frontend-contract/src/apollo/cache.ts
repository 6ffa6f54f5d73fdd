/** How Apollo Client's cache tells objects apart and puts pages together. */

import { InMemoryCache, type Reference, type TypePolicies } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import possible from "../../generated/possible-types.ts";

/** `session(id:)` is answered from the cache where the session is known already. */
function byId(typename: string) {
  return {
    read(
      existing: Reference | undefined,
      {
        args,
        toReference,
      }: {
        args: Record<string, unknown> | null;
        toReference: (object: { __typename: string; id: string }) => Reference | undefined;
      },
    ): Reference | undefined {
      return existing ?? toReference({ __typename: typename, id: String(args?.["id"]) });
    },
  };
}

const PART = { merge: true } as const;

export const typePolicies: TypePolicies = {
  Query: {
    fields: {
      queue: byId("Queue"),
      session: byId("Session"),
      // Lists that only grow at their end are put together; a moving line (`Queue.waiting`) is kept page by page.
      queues: relayStylePagination(["filter"]),
      counters: relayStylePagination(),
      users: relayStylePagination(),
      tenants: relayStylePagination(),
      notifications: relayStylePagination(["sessionId"]),
    },
  },
  Queue: { fields: { sessions: relayStylePagination(["status"]), events: relayStylePagination() } },
  QueueEvent: { keyFields: ["queueId", "revision"] },
  RolePermissions: { keyFields: ["role"] },
  NotificationTemplate: { keyFields: ["kind", "channel", "locale"] },
  // Parts without an id: what two documents read of them belongs together.
  TenantBranding: PART,
  TenantSettings: PART,
  TenantLimits: PART,
  TenantUsage: PART,
  SessionContact: PART,
};

/** A cache for this schema. */
export function createCache(): InMemoryCache {
  return new InMemoryCache({ possibleTypes: possible.possibleTypes, typePolicies });
}
