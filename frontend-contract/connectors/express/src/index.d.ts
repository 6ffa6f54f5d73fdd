/** What a site's code sees of the connector. The names are those of the Python connector, in this language's spelling. */

import type { RequestHandler } from "express";

/** What a site does while the service cannot be asked; `QUEUE`: what the queue declares, closed until it was heard. */
export type FailureMode = "FAIL_OPEN" | "FAIL_CLOSED" | "QUEUE";

/** One protected site (or one part of it) and the queue in front of it. */
export interface Options {
  /** Where this server reaches Virtual Queue, e.g. `https://queue.example`. */
  readonly serviceUrl: string;
  /** The queue, by its id in the API. */
  readonly queueId: string;
  /** Where browsers find this site, e.g. `https://shop.example`. One of the queue's `siteOrigins`. */
  readonly siteOrigin: string;
  /** Where browsers reach Virtual Queue. Default: `serviceUrl`. */
  readonly publicServiceUrl?: string;
  /** Default `QUEUE`. */
  readonly failureMode?: FailureMode;
  /** Beginnings of the paths that are protected. Default `["/"]`. */
  readonly protected?: readonly string[];
  /** Beginnings of paths that are not, though they lie in those. Default none. */
  readonly open?: readonly string[];
  /** Where the connector's own pages are: `<path>/leave` and `<path>/renew`. Default `/vq`. */
  readonly path?: string;
  /** Where to go after leaving: an absolute URL, or an open path. Default: a page that says so. */
  readonly afterLeave?: string;
  /** The cookie's name. Default `vq_admission`. */
  readonly cookie?: string;
  /** How long the service may take to answer. Default 2. */
  readonly timeoutSeconds?: number;
  /** How long a service that did not answer is left alone. Default 5. */
  readonly retrySeconds?: number;
  /** How old the service's public keys may be before they are asked for again. Default 300. */
  readonly keysSeconds?: number;
  /** By how much this machine's clock may be behind the service's. Default 5. */
  readonly leewaySeconds?: number;
}

/** What a good token says. Times are in seconds since 1970. */
export interface Admission {
  readonly token: string;
  readonly sessionId: string;
  readonly tokenId: string;
  /** Whether its place has been entered; else it is the ticket of somebody who was just released. */
  readonly isInside: boolean;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Whether it is good for one network address only (the queue's `bindAddress`): the service knows which. */
  readonly isBound: boolean;
}

declare global {
  namespace Express {
    interface Request {
      /** Who is inside; null on an open path, and where the site fails open. */
      admission?: Admission | null;
    }
  }
}

/**
 * Middleware that lets in whoever has an admission, and sends everybody else to the waiting page. Behind a proxy, set
 * Express's `trust proxy`, so that `req.ip` is the visitor's. Throws a `TypeError` that names the option that is wrong.
 */
export function waitingRoom(options: Options): RequestHandler;
