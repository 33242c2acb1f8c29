// The palette: what /console/search shows, over the page that is open. Without it the trigger is a link to that page.
const trigger = document.querySelector("a[data-palette]");
const elsewhere = !document.getElementById("palette");
let palette, waiting, last = 0;

async function load(query) {
  const response = await fetch(`${trigger.href}?q=${encodeURIComponent(query)}`, { headers: { accept: "text/html" } });
  // Signed out meanwhile: the page itself says so.
  if (!response.ok || response.redirected) return location.assign(trigger.href);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function open() {
  if (palette) return palette.open || show();
  const page = await load("");
  if (!page || palette) return;
  palette = document.createElement("dialog");
  palette.className = "palette";
  palette.ariaLabel = page.querySelector("h1").textContent;
  palette.append(...page.getElementById("palette").childNodes);
  document.body.append(palette);
  const input = palette.querySelector("input");
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => find(input.value), 120);
  });
  palette.addEventListener("keydown", choose);
  palette.addEventListener("click", (event) => event.target === palette && palette.close());
  show();
}

function show() {
  palette.showModal();
  palette.querySelector("input").select();
}

async function find(query) {
  const turn = ++last;
  const page = await load(query);
  // A slow answer to what was typed before does not replace a later one.
  if (page && turn === last) palette.querySelector("#found").replaceWith(page.getElementById("found"));
}

function choose(event) {
  const links = [...palette.querySelectorAll("#found a")];
  const at = links.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && links.length) {
    event.preventDefault();
    if (at + step < 0) palette.querySelector("input").focus();
    else links[Math.min(at + step, links.length - 1)].focus();
  } else if (event.key === "Enter" && at < 0 && links.length) {
    event.preventDefault();
    links[0].click();
  }
}

if (trigger && elsewhere) {
  trigger.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open();
  });
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
}
