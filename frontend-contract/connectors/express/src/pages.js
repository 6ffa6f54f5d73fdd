// @ts-check
/** The answers the connector gives itself: redirects and four small pages. Which of them when is the gate's business. */

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE =
  "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color:#1b1b1f;" +
  "background:#fff}button{font:inherit;padding:.6rem 1.2rem;color:#fff;background:#1f4fb5;border:0;border-radius:.4rem}" +
  "button:focus-visible{outline:3px solid #1b1b1f;outline-offset:3px}";

/**
 * An answer of the connector's own. `forget`: whether a cookie that is there is of no use any more.
 * @typedef {{ status: number, headers: Record<string, string>, body: string, forget?: boolean }} Answer
 */

/** Go there with GET. The address just left may hold a token: it is told to nobody.
 * @param {string} location @param {boolean} [forget] @returns {Answer} */
export function redirect(location, forget = false) {
  const headers = { location, "cache-control": "no-store", "referrer-policy": "no-referrer" };
  return { status: 303, headers, body: "", forget };
}

/** For scripts, which cannot wait in a page: where people can. @param {string} waitingPage @returns {Answer} */
export function refused(waitingPage) {
  const body = JSON.stringify({ error: "ADMISSION_REQUIRED", waitingPage });
  const headers = { "content-type": "application/json", "cache-control": "no-store", location: waitingPage };
  return { status: 403, headers, body, forget: true };
}

/** What no browser of an honest visitor sends. @returns {Answer} */
export function forbidden() {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return { status: 403, headers, body: "Forbidden.\n" };
}

/** Until when the stay lasts. @param {import("./index.d.ts").Admission | null} admission @returns {Answer} */
export function renewed(admission) {
  const body = JSON.stringify({ expiresAt: admission?.expiresAt ?? null });
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "no-store" }, body };
}

/** The service is away and the site fails closed. @param {import("./options.js").Checked} options @returns {Answer} */
export function unavailable(options) {
  const seconds = String(Math.max(1, Math.round(options.retrySeconds)));
  const body = page("Please wait a moment", "<p>The waiting room cannot be reached. This page tries again by itself.</p>");
  return { status: 503, headers: { ...HTML, "retry-after": seconds, refresh: seconds }, body };
}

/** A button: leaving changes something, and a link must not. @param {string} path @returns {Answer} */
export function askToLeave(path) {
  const form = `<form method="post" action="${escaped(path)}"><button>Leave now</button></form>`;
  return { status: 200, headers: HTML, body: page("Leave?", `<p>Your place goes to the next person in line.</p>${form}`) };
}

/** Gone. @param {import("./options.js").Checked} options @returns {Answer} */
export function left(options) {
  if (options.afterLeave !== "") return redirect(options.afterLeave);
  const body = page("You have left", "<p>Your place is free for the next person. Thank you.</p>");
  return { status: 200, headers: HTML, body };
}

const HTML = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
};

/** @param {string} title @param {string} content */
function page(title, content) {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>`;
  const body = `<main><h1>${title}</h1>${content}</main>`;
  return `<!doctype html><html lang="en"><head>${head}<style>${STYLE}</style></head><body>${body}</body></html>`;
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
