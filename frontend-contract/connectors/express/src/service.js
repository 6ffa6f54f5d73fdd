// @ts-check
/**
 * What is asked of Virtual Queue: its keys, and to enter, renew and leave. Who may pass is not decided here.
 *
 * The service is asked for keys when those we have are old or a token names another one, at most once in `retrySeconds`;
 * while it does not answer, the keys we have stay good, and it is left alone for `retrySeconds`.
 */

import { keysOf } from "./tokens.js";

const ENTER = `mutation Enter($token: String!, $address: String) {
  admissionEnter(input: {token: $token, address: $address}) { __typename
    ... on AdmissionEnterSuccess { admission { token } }
    ... on UserError { message } } }`;
const RENEW = `mutation Renew($token: String!, $address: String) {
  admissionRenew(input: {token: $token, address: $address}) { __typename
    ... on AdmissionRenewSuccess { admission { token } }
    ... on UserError { message } } }`;
const LEAVE = `mutation Leave($token: String!) { admissionLeave(input: {token: $token}) {
  __typename ... on UserError { message } } }`;
const VERIFY = `mutation Verify($token: String!, $address: String) {
  admissionVerify(input: {token: $token, address: $address}) { __typename ... on UserError { message } } }`;
const QUEUE = "query Queue($id: ID!) { queue(id: $id) { failureMode } }";

/** Answers that say nothing about the token: the service is there and cannot do its work. */
const NOT_NOW = new Set(["UNAVAILABLE", "RATE_LIMITED", "INTERNAL"]);

/** The service did not answer, or cannot do its work right now. */
export class Unreachable extends Error {}

/** The service answered that this token is good no more. */
export class Refused extends Error {}

export class Service {
  #options;
  #monotonic;
  /** @type {Map<string, import("./tokens.js").Key>} */
  #keys = new Map();
  /** @type {string | null} */
  #issuer = null;
  #keysAt = -Infinity;
  #keysTriedAt = -Infinity;
  #answeredAt = -Infinity;
  #failedAt = -Infinity;
  #declared = "FAIL_CLOSED";
  /** What several ask at the same time is asked once. @type {Map<string, Promise<any>>} */
  #asking = new Map();

  /** @param {import("./options.js").Checked} options @param {() => number} monotonic seconds */
  constructor(options, monotonic = () => performance.now() / 1000) {
    this.#options = options;
    this.#monotonic = monotonic;
  }

  /** Whether visitors pass while the service cannot be asked. */
  get failsOpen() {
    const mode = this.#options.failureMode;
    return (mode === "QUEUE" ? this.#declared : mode) === "FAIL_OPEN";
  }

  /** A key by its id; undefined if the service has no such key. `Unreachable` if it was never heard. @param {string} kid */
  async key(kid) {
    if (!this.#keys.has(kid)) await this.#refresh();
    // Those we have are good enough for this request.
    else if (this.#monotonic() - this.#keysAt > this.#options.keysSeconds) void this.#refresh();
    if (this.#issuer === null) throw new Unreachable();
    return this.#keys.get(kid);
  }

  /** Whose tokens are good here; only after a `key`. */
  get expected() {
    const { queueId, leewaySeconds } = this.#options;
    return { issuer: this.#issuer ?? "", audience: queueId, leewaySeconds };
  }

  /** Go in: the token of the stay. Never shared: a token lets one in.
   * @param {string} token @param {string | undefined} address */
  async enter(token, address) {
    return this.#exchange(ENTER, "admissionEnter", token, address);
  }

  /** Stay longer: the next token. @param {string} token @param {string | undefined} address @returns {Promise<string>} */
  async renew(token, address) {
    return this.#shared(`renew ${token} ${address}`, () => this.#exchange(RENEW, "admissionRenew", token, address));
  }

  /** Whether the visitor of a token that is bound to an address has this one.
   * @param {string} token @param {string | undefined} address @returns {Promise<boolean>} */
  async isOf(token, address) {
    const data = await this.#shared(`verify ${token} ${address}`, () => this.#ask(VERIFY, { token, address }));
    return data?.admissionVerify?.__typename === "AdmissionVerifySuccess";
  }

  /** Give the place back; a place that is gone already is left. @param {string} token */
  async leave(token) {
    await this.#ask(LEAVE, { token });
  }

  /** Whether visitors can be sent to the waiting page now. Asked at most once in `retrySeconds`. */
  async isThere() {
    if (this.#monotonic() - this.#answeredAt < this.#options.retrySeconds) return true;
    try {
      await this.#shared("queue", () => this.#hearQueue());
      return true;
    } catch (problem) {
      if (problem instanceof Unreachable) return false;
      throw problem;
    }
  }

  /** @param {string} document @param {string} name @param {string} token @param {string | undefined} address
   * @returns {Promise<string>} */
  async #exchange(document, name, token, address) {
    const fresh = (await this.#ask(document, { token, address }))?.[name]?.admission?.token;
    if (typeof fresh !== "string") throw new Refused();
    return fresh;
  }

  async #hearQueue() {
    const mode = (await this.#ask(QUEUE, { id: this.#options.queueId }))?.queue?.failureMode;
    if (mode === "FAIL_OPEN" || mode === "FAIL_CLOSED") this.#declared = mode;
  }

  async #refresh() {
    const early = this.#monotonic() - this.#keysTriedAt < this.#options.retrySeconds;
    if (early && !this.#asking.has("keys")) return;
    try {
      await this.#shared("keys", () => this.#readKeys());
    } catch (problem) {
      if (!(problem instanceof Unreachable)) throw problem;
      // Those we have stay good.
    }
  }

  async #readKeys() {
    this.#keysTriedAt = this.#monotonic();
    const about = await this.#sent("/.well-known/virtual-queue", {});
    const jwks = await this.#sent("/.well-known/jwks.json", {});
    if (typeof about?.issuer === "string") {
      this.#keys = await keysOf(jwks);
      this.#issuer = about.issuer;
      this.#keysAt = this.#monotonic();
    }
    if (this.#options.failureMode === "QUEUE") await this.#hearQueue();
  }

  /** @param {string} query @param {Record<string, string | undefined>} variables @returns {Promise<any>} */
  async #ask(query, variables) {
    if (this.#monotonic() - this.#failedAt < this.#options.retrySeconds) throw new Unreachable();
    const body = await this.#sent("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    /** @type {{ extensions?: { code?: string } }[]} */
    const errors = body?.errors ?? [];
    if (errors.some((error) => NOT_NOW.has(error.extensions?.code ?? ""))) throw this.#failed();
    return body?.data;
  }

  /** @param {string} path @param {RequestInit} init @returns {Promise<any>} */
  async #sent(path, init) {
    try {
      const signal = AbortSignal.timeout(this.#options.timeoutSeconds * 1000);
      const answer = await fetch(`${this.#options.serviceUrl}${path}`, { ...init, signal, redirect: "error" });
      if (answer.status >= 500 || answer.status === 429) throw new Error(`answered ${answer.status}`);
      const content = await answer.json();
      this.#answeredAt = this.#monotonic();
      this.#failedAt = -Infinity;
      return content;
    } catch {
      throw this.#failed();
    }
  }

  #failed() {
    this.#failedAt = this.#monotonic();
    this.#answeredAt = -Infinity;
    return new Unreachable();
  }

  /** @template Result @param {string} name @param {() => Promise<Result>} ask @returns {Promise<Result>} */
  async #shared(name, ask) {
    const running = this.#asking.get(name);
    if (running !== undefined) return running;
    const asked = ask().finally(() => this.#asking.delete(name));
    this.#asking.set(name, asked);
    return asked;
  }
}
