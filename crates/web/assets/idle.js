// True idle: only what a person does keeps a session alive, and whoever left finds a locked screen. The server decides; this tells it, and asks it.
// For our own pages (below) and for applications: docs/guide-idle.md.
const EVENTS = ["keydown", "pointerdown", "wheel", "touchstart"];
const MINUTE = 60_000;

// How soon somebody is asked again who could not be.
const AGAIN = 10_000;

// `read` and `report` answer `{ name, left, idle }` in milliseconds, or nothing when the session is locked or over; they throw when nobody answers.
export async function watch({ read, report, warn, back, lock }) {
  let first;
  for (let asked = false; !asked;) {
    try {
      first = await read();
      asked = true;
    } catch {
      await new Promise((on) => setTimeout(on, AGAIN));
    }
  }
  if (!first) return lock();
  const key = `bailiwick-idle ${first.name}`;
  // At most once a minute, and a minute ahead; in sessions of a few minutes more often.
  const pace = Math.min(MINUTE, first.idle / 3);
  let own = { deadline: 0, reported: 0 };
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
    const { reported } = shared();
    const now = Date.now();
    // Another tab said it after that; or it is so old that nobody may be there any more: the machine slept.
    if (reported >= acted || now - acted > 2 * pace) acted = 0;
    if (!acted || done || (now < reported + pace && now >= reported)) return;
    const told = acted;
    acted = 0;
    share({ reported: now });
    try {
      heard(await report());
    } catch (error) {
      // What could not be told is told later, though not at each key.
      acted = told;
      share({ reported: now - pace + Math.min(AGAIN, pace) });
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

// Not refused: nobody had the time to look.
const isAway = ({ status }) => status >= 500 || status === 429;

// For applications. `bearer` gives an access token for Bailiwick's own API that has not expired, or a promise of one.
export function watchSession({ server = "", bearer, warn = () => {}, back = () => {}, locked }) {
  const call = async (method, path) => {
    const headers = { authorization: `Bearer ${await bearer()}`, prefer: "return=representation" };
    const response = await fetch(`${server}/api/v1/session${path}`, { method, credentials: "omit", headers });
    if (isAway(response)) throw new Error(`${response.status}`);
    if (!response.ok) return undefined;
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
    if (isAway(response)) throw new Error(`${response.status}`);
    if (response.status !== 200 || response.redirected) return undefined;
    const state = await response.json();
    ({ csrf } = state);
    return state;
  };
  const at = `${base}/account/activity`;
  const here = `bailiwick-here ${base}`;
  let mine;
  const read = async () => {
    const state = await answer(await fetch(at));
    mine ??= state?.name;
    try { if (mine && state?.name === mine) localStorage.setItem(here, mine); } catch { /* refused */ }
    return state;
  };
  // Somebody else works here now: what was open of the one before goes away.
  addEventListener("storage", (event) => event.key === here && mine && event.newValue !== mine && lock());
  const report = async () => answer(await fetch(at, { method: "POST", body: new URLSearchParams({ csrf }) }));
  const warn = () => dialog.open || dialog.showModal();
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  watch({ read, report, warn, back: () => dialog.close(), lock });
}

const template = document.querySelector("template[data-idle]");
if (template) pages(template);
