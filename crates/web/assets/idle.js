// True idle: only what a person does keeps a session alive, and whoever left finds a locked screen. The server decides; this tells it, and asks it.
// For our own pages (below) and for applications: docs/guide-idle.md.
const EVENTS = ["keydown", "pointerdown", "wheel", "touchstart"];
const MINUTE = 60_000;

// How soon somebody is asked again who could not be, and how long an answer is waited for.
const AGAIN = 10_000;
// How long a page stays open at the start that nobody has vouched for.
const PATIENCE = 15 * MINUTE;

// `read` and `report` answer `{ name, left, idle }` in milliseconds, or nothing when the session is locked or over; they throw when nobody answers.
export async function watch({ read, report, warn, back, lock }) {
  let first;
  for (const until = Date.now() + PATIENCE; ;) {
    try {
      first = await read();
      break;
    } catch {
      if (Date.now() >= until) return lock();
      await new Promise((on) => setTimeout(on, AGAIN));
    }
  }
  if (!first) return lock();
  const key = `bailiwick-idle ${first.name}`;
  // At most once a minute, and a minute ahead; in sessions of a few minutes more often.
  const pace = Math.min(MINUTE, first.idle / 3);
  let own = { deadline: 0, reported: 0, again: 0 };
  let acted = 0, warned = false, busy = false, done = false;

  // What all tabs know. Without a storage each one knows its own.
  const shared = () => {
    try { own = JSON.parse(localStorage.getItem(key)) ?? own; } catch { /* refused, or not ours */ }
    return own;
  };
  const share = (news) => {
    own = { ...shared(), ...news };
    try { localStorage.setItem(key, JSON.stringify(own)); } catch { /* refused */ }
  };
  const alone = (work) => (navigator.locks ? navigator.locks.request(key, work) : work());
  const over = () => {
    done = true;
    clearInterval(timer);
    lock();
  };
  const heard = (answer) => {
    if (answer?.name === first.name) share({ deadline: Date.now() + answer.left });
    else over();
  };

  const tell = () => alone(async () => {
    const { reported, again } = shared();
    const now = Date.now();
    // Another tab said it after that; or it is so old that nobody may be there any more: the machine slept.
    if (reported >= acted || now - acted > 2 * pace) acted = 0;
    if (!acted || done || (now < reported + pace && now >= reported) || (now < again && now >= again - AGAIN)) return;
    const told = acted;
    acted = 0;
    share({ reported: now });
    try {
      heard(await report());
    } catch (error) {
      // What could not be told is told later, though not at each key.
      acted = Math.max(acted, told);
      share({ reported, again: Date.now() + AGAIN });
      throw error;
    }
  });
  const look = async () => {
    if (busy || done) return;
    busy = true;
    try {
      if (acted) await tell();
      // Somebody may have acted elsewhere: the server knows.
      if (!done && shared().deadline <= Date.now()) heard(await read());
    } catch {
      // Nobody can be asked: a screen that should be locked is.
      if (shared().deadline <= Date.now()) over();
    }
    busy = false;
    if (done) return;
    const left = shared().deadline - Date.now();
    if (left <= pace) warn(left);
    else if (warned) back();
    warned = left <= pace;
  };

  for (const kind of EVENTS) {
    addEventListener(kind, (event) => {
      // What a script makes is nobody's doing.
      if (!event.isTrusted) return;
      acted = Date.now();
      look();
    }, { capture: true, passive: true });
  }
  for (const kind of ["storage", "pageshow", "focus"]) addEventListener(kind, look);
  document.addEventListener("visibilitychange", look);
  const timer = setInterval(look, 1000);
  heard(first);
  await look();
}

// Whoever does not answer in time is asked again: nobody waits before an open screen.
const ask = (url, options) => fetch(url, { ...options, signal: AbortSignal.timeout(AGAIN) });

// For applications. `bearer` gives an access token for Bailiwick's own API that has not expired, or a promise of one.
export function watchSession({ server = "", bearer, warn = () => {}, back = () => {}, locked }) {
  const call = async (method, path) => {
    const token = await bearer();
    if (!token) return undefined;
    const headers = { authorization: `Bearer ${token}`, prefer: "return=representation" };
    const response = await ask(`${server}/api/v1/session${path}`, { method, credentials: "omit", headers });
    // Not refused: nobody had the time to look.
    if (response.status >= 500 || response.status === 429) throw new Error(`${response.status}`);
    if (!response.ok) return undefined;
    // A node of before, which tells nothing more.
    if (response.status === 204) return call("GET", "");
    const session = await response.json();
    const at = (name) => Date.parse(session[name]);
    const idle = at("idle_deadline") - at("last_active_at");
    const left = Math.min(at("idle_deadline"), at("absolute_deadline")) - at("now");
    return { name: session.id, left, idle };
  };
  return watch({ read: () => call("GET", ""), report: () => call("POST", "/activity"), warn, back, lock: locked });
}

function pages(template) {
  const { idle: base } = template.dataset;
  const dialog = template.content.firstElementChild;
  document.body.append(dialog);
  let csrf = "";
  const lock = () => {
    const path = (location.pathname + location.search).slice(base.length);
    location.replace(`${base}/unlock?return_to=${encodeURIComponent(path)}`);
  };
  const answer = async (response) => {
    const { status } = response;
    if ([204, 401, 403].includes(status) || response.redirected) return undefined;
    if (status !== 200) throw new Error(`${status}`);
    const state = await response.json();
    ({ csrf } = state);
    return state;
  };
  const at = `${base}/account/activity`;
  const here = `bailiwick-here ${base}`;
  let mine;
  const read = async () => {
    const state = await answer(await ask(at));
    mine ??= state?.name;
    try { if (mine && state?.name === mine) localStorage.setItem(here, mine); } catch { /* refused */ }
    return state;
  };
  // Somebody else works here now: what was open of the one before goes away.
  addEventListener("storage", (event) => event.key === here && event.newValue !== (mine ?? event.oldValue) && lock());
  const report = async () => answer(await ask(at, { method: "POST", body: new URLSearchParams({ csrf }) }));
  const warn = () => dialog.open || dialog.showModal();
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  watch({ read, report, warn, back: () => dialog.close(), lock });
}

const template = document.querySelector("template[data-idle]");
if (template) pages(template);
