// @ts-check
/**
 * Who may pass: what the connector does with one request. Express, HTTP and clock are others' business.
 *
 * A visitor arrives with an admission token in the address, which is exchanged once for the token of the stay; that is
 * kept in a cookie no script can read, and renewed when half of its life is over. Whoever has none is sent to the waiting
 * page.
 */

import { protects } from "./options.js";
import * as pages from "./pages.js";
import { Refused, Service, Unreachable } from "./service.js";
import { keyId, verify } from "./tokens.js";

/** @typedef {import("./index.d.ts").Admission} Admission */
/** @typedef {import("./pages.js").Answer} Answer */
/**
 * A request, as far as it matters here. `target` is path and query as the browser sent them.
 * @typedef {{ method: string, target: string, headers: import("node:http").IncomingHttpHeaders,
 *             address: string | undefined }} Visit
 */
/** The site answers; or the connector does. @typedef {{ admission: Admission | null } | { answer: Answer }} Outcome */
/** @typedef {Outcome & { cookie?: string }} Decision */

const PARAMETER = "vq_admission";
/** Before a token that could not be exchanged yet, because the service was away and the site lets pass. */
const PENDING = "pending.";
const REMEMBERED = 10_000;

export class Gate {
  #options;
  #service;
  #now;
  /** Pages ask for many things at once: all of them bring the old token, and it is renewed once.
   * @type {Map<string, string>} */
  #renewed = new Map();
  /** Bound tokens, and whether they are of the address that brought them: asked once each. @type {Map<string, boolean>} */
  #bound = new Map();

  /** @param {import("./options.js").Checked} options @param {Service} service @param {() => number} now seconds */
  constructor(options, service = new Service(options), now = () => Date.now() / 1000) {
    this.#options = options;
    this.#service = service;
    this.#now = now;
  }

  /** Let it through, or answer it. @param {Visit} visit @returns {Promise<Decision>} */
  async decide(visit) {
    // An address for a proxy: it would become a part of another host's name.
    if (!visit.target.startsWith("/")) return { answer: pages.forbidden() };
    const { path: own } = this.#options;
    const path = decoded(visit.target.split("?", 1)[0] ?? "/");
    if (path === `${own}/leave`) return this.#leave(visit);
    if (path !== `${own}/renew` && !protects(this.#options, path)) return { admission: null };
    const kept = cookieOf(visit, this.#options.cookie);
    const pending = kept?.startsWith(PENDING) ?? false;
    /** @type {Decision} */
    let decision;
    try {
      let held = await this.#admission(kept?.slice(pending ? PENDING.length : 0) ?? "");
      // Somebody put the ticket into the cookie, to come in without entering; or it is another visitor's.
      if (held !== null && !pending && !(held.isInside && (await this.#isVisitors(held, visit)))) held = null;
      decision = await this.#decide(visit, held, pending);
    } catch (problem) {
      if (!(problem instanceof Unreachable)) throw problem;
      decision = this.#service.failsOpen ? this.#letPass(visit) : { answer: pages.unavailable(this.#options) };
    }
    if (path === `${own}/renew` && "admission" in decision)
      return { ...withCookie(decision.cookie), answer: pages.renewed(decision.admission) };
    if (kept !== undefined && "answer" in decision && decision.answer.forget && decision.cookie === undefined)
      return { ...decision, cookie: this.#cookie("", 0) };
    return decision;
  }

  /** @param {Visit} visit @param {Admission | null} held @param {boolean} pending @returns {Promise<Decision>} */
  async #decide(visit, held, pending) {
    const [given, target] = withoutToken(visit.target);
    if (given !== null && isReading(visit)) {
      if (held !== null && !pending) return { answer: pages.redirect(this.#url(target)) };
      return this.#arrive(await this.#admission(given), visit, target);
    }
    if (held === null) return this.#outside(visit, target);
    if (pending) return this.#enterLate(held, visit, target);
    return this.#inside(held, visit, target);
  }

  /** @param {Admission | null} arrival @param {Visit} visit @param {string} target @returns {Promise<Decision>} */
  async #arrive(arrival, visit, target) {
    if (arrival === null) return this.#outside(visit, target);
    let stay;
    try {
      stay = await this.#entered(arrival, visit);
    } catch (problem) {
      if (!(problem instanceof Unreachable) || !this.#service.failsOpen) throw problem;
      const cookie = this.#cookie(PENDING + arrival.token, arrival.expiresAt);
      return { answer: pages.redirect(this.#url(target)), cookie };
    }
    if (stay === null) return this.#outside(visit, target);
    return { answer: pages.redirect(this.#url(target)), cookie: this.#cookie(stay.token, stay.expiresAt) };
  }

  /** @param {Admission} arrival @param {Visit} visit @param {string} target @returns {Promise<Decision>} */
  async #enterLate(arrival, visit, target) {
    const stay = await this.#entered(arrival, visit);
    if (stay === null) return this.#outside(visit, target);
    return { admission: stay, cookie: this.#cookie(stay.token, stay.expiresAt) };
  }

  /** @param {Admission} arrival @param {Visit} visit @returns {Promise<Admission | null>} */
  async #entered(arrival, visit) {
    try {
      return await this.#given(await this.#service.enter(arrival.token, visit.address), visit);
    } catch (problem) {
      if (problem instanceof Refused) return null;
      throw problem;
    }
  }

  /** @param {Admission} held @param {Visit} visit @param {string} target @returns {Promise<Decision>} */
  async #inside(held, visit, target) {
    if (this.#now() < (held.issuedAt + held.expiresAt) / 2) return { admission: held };
    let stay = null;
    try {
      let fresh = this.#renewed.get(held.tokenId);
      if (fresh === undefined) {
        fresh = await this.#service.renew(held.token, visit.address);
        remember(this.#renewed, held.tokenId, fresh);
      }
      stay = await this.#given(fresh, visit);
    } catch (problem) {
      if (problem instanceof Unreachable) return { admission: held }; // it is good until it ends
      if (!(problem instanceof Refused)) throw problem;
    }
    if (stay === null) return this.#outside(visit, target);
    return { admission: stay, cookie: this.#cookie(stay.token, stay.expiresAt) };
  }

  /** @param {Visit} visit @param {string} target @returns {Promise<Decision>} */
  async #outside(visit, target) {
    if (!(await this.#service.isThere())) throw new Unreachable();
    const waiting = `${this.#options.publicServiceUrl}/wait/${encodeURIComponent(this.#options.queueId)}`;
    if (!isNavigation(visit)) return { answer: pages.refused(waiting) };
    // What was sent along is lost; whoever comes back comes to the page.
    const back = isReading(visit) ? target : (target.split("?", 1)[0] ?? "/");
    return { answer: pages.redirect(`${waiting}?return=${encodeURIComponent(this.#url(back))}`, true) };
  }

  /** Nobody can be asked. A token that could not even be read must not stay in the address, where pages tell it on.
   * @param {Visit} visit @returns {Decision} */
  #letPass(visit) {
    const [given, target] = withoutToken(visit.target);
    if (given !== null && isReading(visit)) return { answer: pages.redirect(this.#url(target)) };
    return { admission: null };
  }

  /** @param {Visit} visit @returns {Promise<Decision>} */
  async #leave(visit) {
    if (visit.method !== "POST") return { answer: pages.askToLeave(`${this.#options.path}/leave`) };
    const { siteOrigin } = this.#options;
    // SameSite=Lax keeps others' forms from bringing the cookie; this is for browsers that do not know it.
    if (![siteOrigin, "null"].includes(visit.headers.origin ?? siteOrigin)) return { answer: pages.forbidden() };
    const kept = cookieOf(visit, this.#options.cookie) ?? "";
    const token = kept.startsWith(PENDING) ? kept.slice(PENDING.length) : kept;
    try {
      if ((await this.#admission(token)) !== null) await this.#service.leave(token);
    } catch (problem) {
      if (!(problem instanceof Unreachable)) throw problem; // else the place ends by itself
    }
    return { answer: pages.left(this.#options), cookie: this.#cookie("", 0) };
  }

  /** What the service has just given to this visitor.
   * @param {string} token @param {Visit} visit @returns {Promise<Admission | null>} */
  async #given(token, visit) {
    const admission = await this.#admission(token);
    if (admission?.isBound) remember(this.#bound, `${admission.tokenId} ${visit.address}`, true);
    return admission;
  }

  /** @param {Admission} held @param {Visit} visit @returns {Promise<boolean>} */
  async #isVisitors(held, visit) {
    if (!held.isBound) return true;
    const pair = `${held.tokenId} ${visit.address}`;
    let known = this.#bound.get(pair);
    if (known === undefined) {
      known = await this.#service.isOf(held.token, visit.address);
      remember(this.#bound, pair, known);
    }
    return known;
  }

  /** @param {string} token @returns {Promise<Admission | null>} */
  async #admission(token) {
    const kid = keyId(token);
    if (kid === null) return null;
    const key = await this.#service.key(kid);
    return key === undefined ? null : verify(token, key, this.#service.expected, this.#now());
  }

  /** Absolute, on this site: `//other.example` as a path must not become another site's address.
   * @param {string} target */
  #url(target) {
    return `${this.#options.siteOrigin}${target}`;
  }

  /** @param {string} value @param {number} expiresAt */
  #cookie(value, expiresAt) {
    const seconds = Math.max(0, Math.floor(expiresAt - this.#now()));
    const secure = this.#options.isSecure ? "; Secure" : "";
    return `${this.#options.cookie}=${value}; Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Lax${secure}`;
  }
}

/** @template Value @param {Map<string, Value>} known @param {string} key @param {Value} value */
function remember(known, key, value) {
  known.set(key, value);
  const oldest = known.keys().next().value;
  if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
}

/** @param {string | undefined} cookie @returns {{ cookie?: string }} */
function withCookie(cookie) {
  return cookie === undefined ? {} : { cookie };
}

/** @param {Visit} visit */
function isReading(visit) {
  return visit.method === "GET" || visit.method === "HEAD";
}

/** Whether a person will see the answer as a page: only then is a redirect of use. @param {Visit} visit */
function isNavigation(visit) {
  const mode = visit.headers["sec-fetch-mode"];
  if (mode !== undefined) return mode === "navigate";
  return (visit.headers.accept ?? "").includes("text/html");
}

/** @param {Visit} visit @param {string} name */
function cookieOf(visit, name) {
  for (const part of (visit.headers.cookie ?? "").split(";")) {
    const [key, ...rest] = part.trim().split("=");
    if (key === name) return rest.join("=");
  }
  return undefined;
}

/** The token an address brings, and the address without it. @param {string} target @returns {[string | null, string]} */
function withoutToken(target) {
  const mark = target.indexOf("?");
  if (mark < 0) return [null, target];
  const parts = target.slice(mark + 1).split("&");
  const isToken = (/** @type {string} */ part) => part.split("=", 1)[0] === PARAMETER;
  const given = parts.find(isToken);
  if (given === undefined) return [null, target];
  const kept = parts.filter((part) => !isToken(part)).join("&");
  const path = target.slice(0, mark);
  return [decoded(given.slice(PARAMETER.length + 1)), kept === "" ? path : `${path}?${kept}`];
}

/** What cannot be decoded stays as it is, and hides nothing that can. @param {string} text */
function decoded(text) {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString());
}
