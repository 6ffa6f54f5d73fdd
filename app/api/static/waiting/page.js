/**
 * The waiting page: joins, shows the live place, goes back to the site with the admission token. Uses nothing but the
 * public GraphQL API. Decides nothing about the line, and knows no site: the queue says where it may send people.
 */

const POLL_MS = 5_000;
const QUEUE_MS = 45_000;
const SAY_MS = 30_000;
const TRY_AGAIN_MS = 60_000;

const $ = (id) => document.getElementById(id);
const { texts, lang } = JSON.parse($("texts").textContent);
const queueId = decodeURIComponent(location.pathname.split("/").pop());
const parameters = new URLSearchParams(location.search);
const numbers = new Intl.NumberFormat(lang);
const minutes = new Intl.NumberFormat(lang, { style: "unit", unit: "minute", unitDisplay: "long" });
const hours = new Intl.NumberFormat(lang, { style: "unit", unit: "hour", unitDisplay: "long" });
const moment = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

let queue = null;
let place = null; // { key, id, token, first }: kept where a reload finds it
let seen = null; // the newest state of the place
let said = { text: "", at: 0 };
let gone = false; // on the way to the site, or at the end
let socket = null;
let code = parameters.get("code"); // an access code, if the link has brought one
let tryNow = () => undefined; // ends the pause between two joins

// ---- what is kept -------------------------------------------------------------------------------------------------

const memory = {};
/** Storage may be forbidden: then a reload costs the place, and the page still works. */
function kept(store, name, value) {
  try {
    if (value === undefined) return JSON.parse(window[store].getItem(name) ?? "null");
    if (value === null) window[store].removeItem(name);
    else window[store].setItem(name, JSON.stringify(value));
  } catch {
    if (value === undefined) return memory[name] ?? null;
    memory[name] = value;
  }
  return value;
}
const PLACE_KEY = `vq:${queueId}`;
const TRIED_KEY = `vq:tried:${queueId}`;

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function forget() {
  place = kept("localStorage", PLACE_KEY, null);
  kept("sessionStorage", TRIED_KEY, null);
  seen = null;
}

// ---- asking -------------------------------------------------------------------------------------------------------

class Later extends Error {
  constructor(seconds, busy) {
    super();
    this.ms = 1000 * seconds * (1 + Math.random() / 2); // spread, so that all do not come back at once
    this.busy = busy;
  }
}
class Gone extends Error {}

async function ask(query, variables) {
  const headers = { "content-type": "application/json" };
  if (place?.token) headers.authorization = `Bearer ${place.token}`;
  let answer;
  try {
    const signal = AbortSignal.timeout(15_000);
    answer = await fetch("/graphql", { method: "POST", headers, signal, body: JSON.stringify({ query, variables }) });
    answer = await answer.json();
  } catch {
    throw new Later(3, false);
  }
  const problem = answer.errors?.[0]?.extensions ?? (answer.errors ? {} : null);
  if (problem === null) return answer.data;
  if (["UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN"].includes(problem.code)) throw new Gone();
  throw new Later(problem.retryAfterSeconds ?? 5, true);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask until it is answered; what stands in the way is shown. */
async function patiently(query, variables) {
  for (;;) {
    try {
      const data = await ask(query, variables);
      trouble(null);
      return data;
    } catch (problem) {
      if (!(problem instanceof Later)) throw problem;
      trouble(problem.busy ? texts.busy : texts.offline);
      await pause(problem.ms);
    }
  }
}

// ---- the story ----------------------------------------------------------------------------------------------------

async function start() {
  place = kept("localStorage", PLACE_KEY);
  try {
    ({ queue } = await patiently(QUEUE, { id: queueId }));
  } catch (problem) {
    if (!(problem instanceof Gone)) throw problem;
    queue = null;
    // A token that is over makes every question fail: ask once more as nobody.
    if (place !== null) {
      forget();
      return start();
    }
  }
  if (queue === null) return show("unknown", texts.unknown);
  showQueue();
  if (place?.id) {
    const found = await look();
    if (found !== null && !isOver(found)) return watch();
    forget(); // it ended while nobody looked: whoever comes now wants a new one
  }
  return join();
}

async function join() {
  gone = false;
  for (;;) {
    place ??= { key: newKey() };
    kept("localStorage", PLACE_KEY, place); // before it is sent: a reload now must not make two
    const input = { queueId, idempotencyKey: place.key, locale: lang, ...(code ? { accessCode: code } : {}) };
    const { queueJoin: result } = await patiently(JOIN, { input });
    if (result.__typename === "QueueJoinSuccess") {
      place = { ...place, id: result.session.id, token: result.sessionToken };
      kept("localStorage", PLACE_KEY, place);
      const found = await look();
      if (found !== null && !isOver(found)) return watch();
      forget();
      continue;
    }
    if (result.__typename === "IdempotencyConflictError") {
      forget();
      continue;
    }
    refused(result);
    await Promise.race([pause(QUEUE_MS * (1 + Math.random() / 2)), new Promise((resolve) => (tryNow = resolve))]);
    ({ queue } = await patiently(QUEUE, { id: queueId }));
    showQueue();
  }
}

function refused(result) {
  const why = result.refusalMessage; // the queue's, or a scheduled event's: of what was refused, and of nothing else
  if (result.__typename === "QueueFullError") {
    return show("full", texts.full, `${texts.waiting}: ${numbers.format(result.waitingCount)}. ${texts.tryingAgain}`);
  }
  if (result.__typename === "QueueNotOpenError") {
    const heading = result.queueStatus === "MAINTENANCE" ? texts.maintenance : texts.closed;
    return show("closed", heading, [why, opening(result.nextOpeningAt), texts.tryingAgain].filter(Boolean).join(" "));
  }
  const known = {
    InvitationRequiredError: texts.invited,
    AccessCodeRefusedError: texts.codeRefused,
    AddressLimitReachedError: texts.addressLimit,
  };
  show("refused", texts.refused, why ?? known[result.__typename] ?? result.message);
  const wantsCode = result.__typename === "InvitationRequiredError" || result.__typename === "AccessCodeRefusedError";
  $("code-form").hidden = !wantsCode;
}

const opening = (time) => (time ? `${texts.opens}: ${moment.format(new Date(time))}.` : null);

/** The place as it is, with the admission if there is one; null if it is nobody's any more. */
async function look() {
  try {
    const { session } = await patiently(SESSION, { id: place.id });
    if (session === null) return null;
    showPlace(session);
    if (session.admission?.token) go(session.admission.token);
    return session;
  } catch (problem) {
    if (problem instanceof Gone) return null;
    throw problem;
  }
}

async function lookAgain() {
  const found = await look();
  if (found === null) end({ status: "EXPIRED" });
  else if (isOver(found)) end(found);
}

const isOver = (session) => ["COMPLETED", "CANCELLED", "EXPIRED", "NO_SHOW"].includes(session.status);

function watch() {
  if (gone) return;
  connect();
  poll();
  watchQueue();
}

/** Where no socket gets through: the same, a little later. Whoever asks is seen, and keeps the place. */
async function poll() {
  const mine = place;
  while (!gone && place === mine) {
    await pause(POLL_MS * (1 + Math.random()));
    if (!gone && place === mine && !socket?.isLive) await lookAgain();
  }
}

async function watchQueue() {
  const mine = place;
  while (!gone && place === mine) {
    await pause(QUEUE_MS * (1 + Math.random() / 2));
    if (gone || place !== mine || document.hidden) continue;
    ({ queue } = await patiently(QUEUE, { id: queueId }).catch(() => ({ queue })));
    if (seen !== null && !gone) showPlace(seen);
  }
}

function connect() {
  const mine = place;
  const isMine = () => !gone && place === mine;
  socket = liveFeeds({
    url: `${location.origin.replace("http", "ws")}/graphql`,
    token: mine.token,
    feeds: { place: { query: CHANGED, variables: { id: mine.id } }, admission: { query: ADMITTED, variables: { id: mine.id } } },
    onData: ({ sessionChanged, admissionChanged }) => {
      if (admissionChanged?.token && isMine()) go(admissionChanged.token);
      if (!sessionChanged || !isMine()) return;
      showPlace(sessionChanged);
      if (isOver(sessionChanged)) end(sessionChanged);
    },
    // It is over, or cannot be watched: the place itself says which.
    onOver: (feed) => feed === "place" && isMine() && lookAgain(),
    onState: (isLive) => isMine() && trouble(isLive ? null : texts.offline),
  });
}

/** The network is back, or the phone woke up: do not wait. */
function wake() {
  if (document.hidden || gone || !place?.id || socket === null || socket.isLive) return;
  socket.wake();
  lookAgain();
}
addEventListener("online", wake);
document.addEventListener("visibilitychange", wake);
// From the browser's own cache, going back: it may be long ago.
addEventListener("pageshow", (event) => event.persisted && location.reload());

// ---- back to the site ---------------------------------------------------------------------------------------------

/** Where to go back to with a token; null if the queue does not know that site. */
function wayBack(token) {
  const given = parameters.get("return");
  const target = given ?? (queue.siteOrigins[0] ? `${queue.siteOrigins[0]}/` : null);
  if (target === null || !URL.canParse(target)) return null;
  const url = new URL(target);
  // The origin of `javascript:` and the like is "null", and no queue's.
  if (!queue.siteOrigins.some((origin) => URL.canParse(origin) && new URL(origin).origin === url.origin)) return null;
  const query = url.search.slice(1).split("&").filter((part) => part && part.split("=", 1)[0] !== "vq_admission");
  return `${url.origin}${url.pathname}?${[...query, `vq_admission=${token}`].join("&")}${url.hash}`;
}

function go(token) {
  const target = wayBack(token);
  if (target === null) return show("released", texts.released, parameters.has("return") ? texts.badReturn : texts.goBack);
  const tried = kept("sessionStorage", TRIED_KEY);
  const now = Date.now();
  kept("sessionStorage", TRIED_KEY, { token, at: now });
  show("released", texts.released, texts.entering);
  const enter = $("enter");
  enter.href = target;
  enter.hidden = false;
  // It was not let in with this one just now: do not send it round in circles.
  if (tried?.token === token && now - tried.at < TRY_AGAIN_MS) return show("released", texts.released, texts.notLetIn);
  gone = true;
  socket?.close();
  location.replace(target);
}

// ---- what is shown ------------------------------------------------------------------------------------------------

function show(state, heading, message = "") {
  $("main").dataset.state = state;
  $("heading").textContent = heading;
  $("message").textContent = message;
  const isWaiting = state === "waiting" || state === "paused" || state === "prequeue";
  $("place").hidden = !isWaiting;
  $("leave").hidden = !(isWaiting || state === "released");
  $("again").hidden = state !== "over";
  if (state !== "released") $("enter").hidden = true;
  if (state !== "refused") $("code-form").hidden = true;
  document.title = [heading, queue?.name].filter(Boolean).join(" – ");
  say(`${heading}. ${message}`.trim(), true);
}

/** For screen readers: a new state at once, a new number now and then. */
function say(text, atOnce) {
  const now = Date.now();
  if (text === said.text || (!atOnce && now - said.at < SAY_MS)) return;
  said = { text, at: now };
  $("live").textContent = text;
}

function showQueue() {
  $("queue").textContent = queue.name;
  $("announcement").textContent = queue.announcement ?? "";
  $("announcement").hidden = !queue.announcement;
}

function showPlace(session) {
  // Over HTTP and over the socket: whichever is older is passed over.
  if (gone || (seen !== null && session.revision < seen.revision)) return;
  seen = session;
  if (session.status !== "WAITING") return;
  queue = { ...queue, ...session.queue }; // paused, opened or closed meanwhile
  showQueue();
  const [state, heading, message] =
    queue.status === "PREQUEUE" ? ["prequeue", texts.prequeue, [opening(queue.nextOpeningAt), texts.prequeueMore].filter(Boolean).join(" ")]
    : queue.status === "PAUSED" || queue.status === "MAINTENANCE" ? ["paused", texts.paused, texts.pausedMore]
    : ["waiting", texts.inLine, ""];
  const ahead = session.aheadCount;
  if (ahead !== null) {
    if (place.first === undefined || ahead > place.first) {
      place = Object.assign(place, { first: ahead });
      kept("localStorage", PLACE_KEY, place);
    }
    $("ahead").textContent = numbers.format(ahead);
    $("progress").value = place.first > 0 ? Math.round((100 * (place.first - ahead)) / place.first) : 100;
  }
  $("ahead-row").hidden = $("progress").hidden = ahead === null;
  $("number").textContent = session.ticketNumber;
  const wait = session.estimatedWaitSeconds;
  $("wait-row").hidden = wait === null || wait === undefined;
  if (!$("wait-row").hidden) $("wait").textContent = duration(wait);
  $("updated").textContent = `${texts.updated} ${clock.format(new Date())}`;
  $("updated").hidden = false;
  if ($("main").dataset.state !== state) show(state, heading, message);
  if (ahead !== null) {
    document.title = `(${numbers.format(ahead)}) ${heading} – ${queue.name}`;
    say(`${texts.ahead}: ${numbers.format(ahead)}. ${texts.wait}: ${$("wait").textContent}`, false);
  }
}

function duration(seconds) {
  if (seconds < 60) return texts.underMinute;
  const whole = Math.ceil(seconds / 60);
  if (whole < 90) return minutes.format(whole);
  return [hours.format(Math.floor(whole / 60)), whole % 60 ? minutes.format(whole % 60) : ""].filter(Boolean).join(" ");
}

function trouble(text) {
  $("trouble").textContent = text ?? "";
  $("trouble").hidden = text === null;
  if (text !== null) say(text, true);
}

function end(session) {
  if (gone && session.status !== "CANCELLED") return;
  gone = true;
  socket?.close();
  trouble(null);
  const passed = session.status === "EXPIRED" ? (session.startedAt ? texts.stayOver : texts.graceOver) : null;
  const heading =
    passed ?? (session.status === "NO_SHOW" ? texts.claimOver : session.cancelledBy === "STAFF" ? texts.removed : texts.left);
  $("updated").hidden = true;
  forget();
  show("over", heading, texts.overMore);
}

$("leave").addEventListener("click", async () => {
  if (!confirm(texts.leaveSure)) return;
  try {
    // Whoever was released, or is inside and has come back here, has something to give back.
    const isAdmitted = seen !== null && seen.status !== "WAITING";
    await patiently(isAdmitted ? GIVE_BACK : LEAVE, { id: place.id });
    end({ status: "CANCELLED" });
  } catch {
    await lookAgain();
  }
});
// The way back goes along when the language changes.
for (const link of document.querySelectorAll("#languages a")) {
  const all = new URLSearchParams(location.search);
  all.set("lang", link.dataset.lang);
  link.href = `?${all}`;
}
$("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  code = $("code").value.trim() || null;
  tryNow();
});
$("again").addEventListener("click", () => {
  show("joining", texts.joining);
  join();
});

start();
