/** A queue's events as an unbroken line: each revision once, in order, whatever happens to the connection. */

import { print } from "graphql";
import {
  QueueEventsDocument,
  type QueueEventDetailsFragment,
  type QueueEventsSubscription,
  QueueRevisionDocument,
  type QueueRevisionQuery,
} from "../generated/operations.ts";
import { type CodedError, GraphQLFailure } from "./results.ts";
import type { Live } from "./socket.ts";

export interface QueueEventsOptions {
  readonly queueId: string;
  /** The last revision you have dealt with; 0 for the whole log. Default: what happens from now on. */
  readonly after?: number;
  /** Called once per revision, in order. If it throws, the event counts as not dealt with and comes again. */
  readonly onEvent: (event: QueueEventDetailsFragment) => void;
  /** It is over, and would be over again: `GraphQLFailure`, or the close event. Not called for broken connections. */
  readonly onError: (problem: unknown) => void;
}

export interface QueueEvents {
  /** Keep it to go on after a reload. Undefined until the first answer if `after` was not given. */
  readonly lastRevision: number | undefined;
  stop(): void;
}

interface Answer<Data> {
  readonly data?: Data | null | undefined;
  readonly errors?: readonly CodedError[] | undefined;
}

const EVENTS = print(QueueEventsDocument);
const REVISION = print(QueueRevisionDocument);

/** Follow a queue's log over a client that reconnects (`createSocket`, `createStreams`). */
export function resumeQueueEvents(client: Live["client"], options: QueueEventsOptions): QueueEvents {
  const { queueId } = options;
  let last = options.after;
  let brokenAt: number | undefined;
  let stopped = false;
  let unsubscribe: () => void = () => undefined;

  function fail(problem: unknown): void {
    if (stopped) return;
    stop();
    options.onError(problem);
  }

  function stop(): void {
    stopped = true;
    unsubscribe();
  }

  /** The stream cannot be trusted from here: ask again for what follows `last`, but not twice for the same. */
  function again(problem: unknown): void {
    if (brokenAt === last) return fail(problem);
    brokenAt = last;
    unsubscribe();
    follow();
  }

  function take(result: Answer<QueueEventsSubscription>): void {
    if (stopped) return;
    const event = result.data?.queueEvents;
    if (event === undefined || last === undefined) return fail(new GraphQLFailure(result.errors ?? []));
    if (event.revision <= last) return;
    if (event.revision > last + 1) return again(new Error(`Revision ${event.revision} came after ${last}.`));
    try {
      options.onEvent(event);
    } catch (problem) {
      return again(problem);
    }
    last = event.revision;
  }

  function follow(): void {
    // graphql-ws sends this very object again after every reconnect; by then the getter has moved on.
    const variables = {
      queueId,
      get after(): number | undefined {
        return last;
      },
    };
    let current = true;
    const end = client.subscribe<QueueEventsSubscription>(
      { query: EVENTS, operationName: "QueueEvents", variables },
      {
        next: (result) => {
          if (current) take(result);
        },
        error: (problem) => {
          if (current) fail(Array.isArray(problem) ? new GraphQLFailure(problem) : problem);
        },
        complete: () => {
          if (current) fail(new Error("The events ended: the server completed them, or the client was disposed of."));
        },
      },
    );
    unsubscribe = () => {
      current = false;
      end();
    };
  }

  /** Without a revision to start from, a break before the first event would lose what happened meanwhile. */
  function startFromNow(): void {
    unsubscribe = client.subscribe<QueueRevisionQuery>(
      { query: REVISION, operationName: "QueueRevision", variables: { queueId } },
      {
        next: (result) => {
          // The first answer counts: a connection that breaks right behind it has this asked again.
          last ??= result.data?.queue?.revision;
          if (last === undefined) fail(new GraphQLFailure(result.errors ?? []));
        },
        error: (problem) => fail(Array.isArray(problem) ? new GraphQLFailure(problem) : problem),
        complete: () => {
          if (last === undefined) fail(new Error("There was no answer: the client was disposed of."));
          else if (!stopped) follow();
        },
      },
    );
  }

  if (last === undefined) startFromNow();
  else follow();
  return {
    get lastRevision() {
      return last;
    },
    stop,
  };
}
