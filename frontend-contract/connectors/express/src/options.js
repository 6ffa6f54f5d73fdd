// @ts-check
/** What an operator says about a protected site, checked when the site starts. Nothing here is asked of the service. */

/** @typedef {Required<import("./index.d.ts").Options> & { readonly isSecure: boolean }} Checked */

const DEFAULTS = {
  publicServiceUrl: "",
  failureMode: /** @type {import("./index.d.ts").FailureMode} */ ("QUEUE"),
  protected: ["/"],
  open: /** @type {string[]} */ ([]),
  path: "/vq",
  afterLeave: "",
  cookie: "vq_admission",
  timeoutSeconds: 2,
  retrySeconds: 5,
  keysSeconds: 300,
  leewaySeconds: 5,
};

/** @param {import("./index.d.ts").Options} given @returns {Checked} */
export function checked(given) {
  const options = { ...DEFAULTS, ...given };
  const serviceUrl = address("serviceUrl", options.serviceUrl);
  const siteOrigin = address("siteOrigin", options.siteOrigin);
  if (new URL(siteOrigin).origin !== siteOrigin.toLowerCase())
    throw new TypeError(`siteOrigin: only scheme, host and port, such as https://shop.example (got ${siteOrigin}).`);
  if (!options.queueId) throw new TypeError("queueId: write the queue's id, as the API gives it.");
  if (!["FAIL_OPEN", "FAIL_CLOSED", "QUEUE"].includes(options.failureMode))
    throw new TypeError(`failureMode: FAIL_OPEN, FAIL_CLOSED or QUEUE (got ${options.failureMode}).`);
  if (![...options.protected, ...options.open].every((path) => path.startsWith("/")))
    throw new TypeError("protected, open: paths begin with a slash.");
  if (!/^\/.*[^/]$/.test(options.path)) throw new TypeError("path: begins with a slash and does not end with one.");
  const publicServiceUrl = address("publicServiceUrl", options.publicServiceUrl || serviceUrl);
  return { ...options, serviceUrl, siteOrigin, publicServiceUrl, isSecure: siteOrigin.startsWith("https://") };
}

/**
 * Whether a path needs an admission: if anything a server may take it for does, unless all of that is open.
 * @param {Checked} options @param {string} path
 */
export function protects(options, path) {
  // Express takes `/Shop` for `/shop` unless told otherwise: so must we.
  const seen = readings(path).map((each) => each.toLowerCase());
  return seen.some((each) => begins(each, options.protected)) && !seen.every((each) => begins(each, options.open));
}

/** A path as it came, and as servers read it that resolve `..` and `//`, or drop parameters (`/a;b`) or a fragment, as
 * Express does. @param {string} path */
function readings(path) {
  const without = path.split("#", 1)[0] ?? "";
  const given = [path, without].flatMap((each) => [each, each.replace(/;[^/\\]*/g, "")]);
  return [...given, ...given.map(resolved)];
}

/** Whole segments only: `/shop` is the beginning of `/shop/1`, not of `/shopping`.
 * @param {string} path @param {readonly string[]} prefixes */
function begins(path, prefixes) {
  return prefixes
    .map((prefix) => prefix.toLowerCase())
    .some((prefix) => path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`));
}

/** @param {string} path */
function resolved(path) {
  /** @type {string[]} */
  const kept = [];
  for (const segment of path.replaceAll("\\", "/").split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

/** @param {string} name @param {string} value */
function address(name, value) {
  const text = String(value ?? "").replace(/\/+$/, "");
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.username !== "")
    throw new TypeError(`${name}: write an address such as https://shop.example (got ${text || "nothing"}).`);
  return text;
}
