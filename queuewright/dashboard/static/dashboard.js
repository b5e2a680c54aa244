// Live updates, dialogs, keys and copying. Every page works without this file.
// It never builds HTML from strings: texts are set as text, and parts of a page come from the page.

const body = document.body;
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const NBSP = "\u00a0";

// Time: the engine's, not the browser's.
const frozen = "frozen" in body.dataset;
let base = Number(body.dataset.now), since = performance.now();
const now = () => frozen ? base : base + performance.now() - since;
function setNow(ms) { if (frozen || Math.abs(ms - now()) > 250) { base = ms; since = performance.now(); } }

const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
function span(seconds) {
  let rest = Math.max(0, Math.floor(seconds));
  for (let index = 0; index < UNITS.length; index++) {
    const [unit, size] = UNITS[index];
    if (rest >= size || unit === "s") {
      let text = Math.floor(rest / size) + NBSP + unit;
      rest %= size;
      const below = UNITS[index + 1];
      if (below && Math.floor(rest / below[1])) text += NBSP + Math.floor(rest / below[1]) + NBSP + below[0];
      return text;
    }
  }
}
function relative(at, rel) {
  const away = (at - now()) / 1000;
  if (rel === "for") return "for" + NBSP + span(-away);
  if (rel === "in" && away <= 0) return "due";
  if (Math.abs(away) >= 86400) return null;
  const whole = away > 0 ? Math.ceil(away) : -away;
  if (whole < 1) return "now";
  return away > 0 ? "in" + NBSP + span(whole) : span(whole) + NBSP + "ago";
}
function setText(element, text) { if (element.textContent !== text) element.textContent = text; }
function tickTimes() {
  for (const element of $$("time[data-rel]")) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    const text = relative(at, element.dataset.rel);
    if (text !== null) setText(element, text);
  }
}
setInterval(() => { if (!document.hidden) tickTimes(); }, 1000);

// Values: `data-live="key"` is text; `@d`, `@state` and `@at` are attributes.
let places = null;
function index() {
  places = new Map();
  for (const element of $$("[data-live]")) {
    const key = element.dataset.live;
    if (places.has(key)) places.get(key).push(element); else places.set(key, [element]);
  }
}
function setState(element, value) {
  const [kind, picture, word] = value.split("|");
  for (const name of [...element.classList]) if (name !== "st" && name !== "badge") element.classList.remove(name);
  element.classList.add(kind);
  $("use", element)?.setAttribute("href", "#" + picture);
  const text = $("span", element);
  if (text) setText(text, word);
}
function setTime(element, value) {
  const [at, rel] = value.split("|");
  if (!at) { setText(element, ""); element.removeAttribute("datetime"); return; }
  element.dateTime = new Date(Number(at)).toISOString();
  element.title = new Date(Number(at)).toLocaleString();
  element.dataset.rel = rel ?? "";
  setText(element, relative(Number(at), rel) ?? element.title);
}
const revisions = new Map();
function apply(values) {
  if (paused) return;
  if (!places) index();
  for (const [key, value] of Object.entries(values)) {
    for (const element of places.get(key) ?? []) {
      setText(element, value);
      if (element.closest(".overview")) element.classList.toggle("zero", value === "0" || value === "none");
    }
    for (const element of places.get(key + "@d") ?? []) element.setAttribute("d", value);
    for (const element of places.get(key + "@state") ?? []) setState(element, value);
    for (const element of places.get(key + "@at") ?? []) setTime(element, value);
    if (key === "toggle") setToggle(value);
    if (key.endsWith("@rev") && revisions.get(key) !== value) {
      const isNew = revisions.has(key) || differs(key, value);
      revisions.set(key, value);
      if (isNew) refresh();
    }
    if (key.endsWith("/gone")) $(`[data-number="${key.split("/")[1]}"]`)?.classList.add("gone");
    if (key === "created") fresh(Number(value));
  }
}
function setToggle(verb) {
  const button = $(".toggle"), form = button?.form;
  if (!form || form.action.endsWith("/" + verb)) return;
  form.setAttribute("action", form.getAttribute("action").replace(/\w+$/, verb));
  setText(button, verb === "resume" ? "Resume" : "Pause");
}
function differs(key, value) {
  const part = $(`[data-part="${key.slice(0, -4)}"]`);
  return part ? part.dataset.rev !== value : key === "task@rev";
}
function fresh(created) {
  const link = $("[data-fresh]");
  if (!link) return;
  const count = created - Number(link.dataset.created);
  if (count <= 0) return;
  setText($("span", link), `${count.toLocaleString("en")} new ${count === 1 ? "task" : "tasks"}`);
  link.closest(".fresh").hidden = false;
}

// Parts: what has another structure now is taken from the page as the server shows it.
let refreshing = false, again = false, last = 0;
async function refresh(atOnce = false) {
  if (refreshing) { again = true; return; }
  refreshing = true;
  const wait = (body.dataset.topics.includes("task:") ? 250 : 1000) - (performance.now() - last);
  if (wait > 0 && !atOnce) await new Promise((done) => setTimeout(done, wait));
  last = performance.now();
  try {
    // Pages that were told the same are given the same answer, made once.
    const headers = atOnce ? {} : { "X-Queuewright-Live": [...revisions.values()].join(" ") };
    const response = await fetch(location.href.split("#")[0], { headers });
    if (response.ok) swap(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch { /* the stream tells that the connection is lost */ }
  refreshing = false;
  if (again) { again = false; refresh(); }
}
const FOCUSABLE = "a, button, input, summary";
function isHeld(part) {
  const selection = getSelection();
  return selection && !selection.isCollapsed && part.contains(selection.anchorNode);
}
function replace(part, other) {
  const at = $$(FOCUSABLE, part).indexOf(document.activeElement);
  part.replaceWith(document.adoptNode(other));
  if (at >= 0) $$(FOCUSABLE, other)[at]?.focus({ preventScroll: true });
}
function swap(page) {
  for (const part of $$("[data-part]")) {
    const other = $(`[data-part="${part.dataset.part}"]`, page);
    if (!other) continue;
    if ("list" in part.dataset) { swapList(part, other); continue; }
    if (part.dataset.rev === other.dataset.rev || isHeld(part)) continue;
    replace(part, other);
  }
  if ($("[data-part=attempts]", page) && !$("[data-part=attempts]")) { location.reload(); return; }
  index();
  tickTimes();
}
function swapList(list, other) {
  const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const items = [...other.children].map((item) => {
    const kept = old.get(item.dataset.key);
    if (!kept || kept.dataset.rev !== item.dataset.rev && !isHeld(kept)) return document.adoptNode(item);
    return kept;
  });
  list.replaceChildren(...items);
}

// The stream: one for all pages of this browser, as it opens six connections to an origin.
const topics = body.dataset.topics.split(" ").filter(Boolean);
const live = $("#live");
const me = Math.random().toString(36).slice(2);
const channel = "BroadcastChannel" in self && navigator.locks ? new BroadcastChannel("queuewright" + location.port) : null;
const wanted = new Map(), latest = new Map();
let source = null, open = "", release = null, paused = false, lost = 0, boot = body.dataset.boot, isLeader = false;

function show(text, kind) {
  if (!live) return;
  live.hidden = false;
  setText(live, text);
  live.className = "live " + kind;
}
function receive(kind, data) {
  if (kind === "lost") { if (!lost) lost = Date.now(); show("Reconnecting", "lost"); return; }
  if (kind === "hello") {
    lost = 0;
    body.classList.remove("stale");
    if (data.boot !== boot) { show("Restarted: reload", "lost"); body.classList.add("old"); return; }
    if (!paused) show("Live", "");
    setNow(data.now);
    return;
  }
  if (kind === "set") latest.set(data.t, { ...latest.get(data.t), ...data.set });
  if (kind === "bye" || body.classList.contains("old")) return;
  setNow(data.now);
  if (topics.includes(data.t)) apply(data.set);
}
function relay(kind, data) { receive(kind, data); channel?.postMessage({ kind, data }); }
function connect() {
  const union = [...new Set([...topics, ...[...wanted.values()].flat()])].sort();
  const url = "/events?" + union.map((topic) => "t=" + encodeURIComponent(topic)).join("&");
  if (url === open) return;
  source?.close();
  open = url;
  source = new EventSource(url);
  for (const kind of ["hello", "set", "bye"]) source.addEventListener(kind, (event) => relay(kind, JSON.parse(event.data)));
  source.addEventListener("error", () => { relay("lost", {}); if (source.readyState === EventSource.CLOSED) { open = ""; setTimeout(connect, 2000); } });
}
function tell(asked) {
  if (lost || !open) return;
  channel.postMessage({ kind: "hello", data: { boot, now: Math.round(now()) } });
  for (const topic of asked) if (latest.has(topic)) channel.postMessage({ kind: "set", data: { t: topic, now: Math.round(now()), set: latest.get(topic) } });
}
function lead() {
  isLeader = true;
  channel?.postMessage({ kind: "who" });
  connect();
  return new Promise((done) => { release = done; });
}
let connecting = 0;
function later(wait) { clearTimeout(connecting); connecting = setTimeout(() => { if (isLeader) connect(); }, wait); }
channel?.addEventListener("message", ({ data: { kind, data } }) => {
  if (kind === "who") channel.postMessage({ kind: "want", data: [me, topics] });
  else if (kind === "want") { wanted.set(data[0], data[1]); if (isLeader) { tell(data[1]); later(30); } }
  else if (kind === "leave") { wanted.delete(data); if (isLeader) later(1000); }
  else if (!isLeader) receive(kind, data);
});
let joined = null;
function join() {
  if (joined || !topics.length) return;
  joined = new AbortController();
  if (!channel) { isLeader = true; connect(); return; }
  channel.postMessage({ kind: "want", data: [me, topics] });
  navigator.locks.request("queuewright-stream", { signal: joined.signal }, lead).catch(() => {});
}
function leave() {
  if (!joined) return;
  channel?.postMessage({ kind: "leave", data: me });
  joined.abort();
  joined = null;
  source?.close();
  source = null; open = ""; isLeader = false;
  release?.();
  release = null;
}
let hiding = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(leave, 5000);
  else if (!joined) { join(); refresh(); }
});
addEventListener("pagehide", leave);
addEventListener("pageshow", (event) => { if (event.persisted) join(); });
setInterval(() => {
  if (lost && Date.now() - lost > 10000) {
    body.classList.add("stale");
    show("Not running", "lost");
  }
}, 1000);
if (topics.length && live) {
  live.addEventListener("click", () => {
    if (body.classList.contains("old")) { location.reload(); return; }
    paused = !paused;
    live.setAttribute("aria-pressed", String(!paused));
    show(paused ? "Paused" : "Live", paused ? "off" : "");
    if (!paused) { leave(); join(); refresh(); }
  });
  show("Connecting", "off");
  join();
}

// Forms: sent in the background, so that the page stays. A refusal stays beside the button.
let spoken = 0;
function speak(text) {
  const status = $("#status");
  if (Date.now() - spoken < 1000) return;
  spoken = Date.now();
  setText(status, text);
}
async function send(form, button) {
  button?.setAttribute("aria-disabled", "true");
  $(".refused", form.parentElement)?.remove();
  try {
    const response = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
    });
    const answer = await response.json().catch(() => ({ error: "queuewright does not answer." }));
    if (answer.error) throw new Error(answer.error);
    speak(answer.said ?? "Done.");
    return answer;
  } catch (error) {
    const refused = document.createElement("span");
    refused.className = "refused bad";
    refused.setAttribute("role", "alert");
    refused.textContent = error.message;
    form.after(refused);
    return null;
  } finally {
    button?.removeAttribute("aria-disabled");
  }
}
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.matches("form.inline")) {
    event.preventDefault();
    const button = event.submitter ?? $("button", form);
    if (button.getAttribute("aria-disabled")) return;
    if (await send(form, button)) refresh(true);
  } else if (form.matches("dialog form.confirm")) {
    event.preventDefault();
    const answer = await send(form, event.submitter);
    if (!answer) return;
    const dialog = $("#dialog");
    dialog.close();
    if (answer.href.split("?")[0] === location.pathname) location.href = answer.href;
    else location.href = answer.href;
  } else if (event.submitter?.matches("[data-dialog]")) {
    event.preventDefault();
    const query = new URLSearchParams(new FormData(form, event.submitter));
    ask(form.action.split("?")[0] + "?" + query, event.submitter);
  }
});
let asker = null;
async function ask(url, opener) {
  const response = await fetch(url);
  const question = $("form.confirm", new DOMParser().parseFromString(await response.text(), "text/html"));
  if (!question) { location.href = url; return; }
  const dialog = $("#dialog");
  asker = opener;
  dialog.replaceChildren(document.adoptNode(question));
  dialog.showModal();
  ($("input[name=typed]", dialog) ?? $(".cancel", dialog)).focus();
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (link && !event.metaKey && !event.ctrlKey) { event.preventDefault(); ask(link.href, link); return; }
  if (event.target.closest("dialog .cancel")) { event.preventDefault(); $("#dialog").close(); return; }
  const copy = event.target.closest(".copy");
  if (copy) copyText(copy);
});
$("#dialog")?.addEventListener("close", () => asker?.focus());
async function copyText(button) {
  const text = button.dataset.copy ?? document.getElementById(button.dataset.copyof)?.textContent ?? "";
  await navigator.clipboard.writeText(text);
  const label = button.textContent;
  setText(button, "Copied");
  setTimeout(() => setText(button, label), 2000);
}

// Filters and ticks.
const filters = $("[data-filters]");
if (filters) {
  let typing = 0;
  const go = (replace) => {
    const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
    const url = filters.action.split("?")[0] + (query.size ? "?" + query : "");
    sessionStorage.setItem("typing", replace ? String($("[name=text]", filters).selectionStart) : "");
    if (replace) location.replace(url); else location.href = url;
  };
  $("[name=text]", filters).addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => go(true), 450); });
  for (const select of $$("select", filters)) select.addEventListener("change", () => go(false));
  const at = sessionStorage.getItem("typing");
  if (at) {
    const field = $("[name=text]", filters);
    field.focus();
    field.setSelectionRange(Number(at), Number(at));
    sessionStorage.removeItem("typing");
  }
}
const bulk = $("[data-bulk]");
function ticked() {
  if (!bulk) return;
  const boxes = $$("tbody [name=n]", bulk), count = boxes.filter((box) => box.checked).length;
  const words = $("[data-picked]", bulk);
  setText(words, count ? `${count.toLocaleString("en")} selected` : words.dataset.all);
  words.parentElement.classList.toggle("quiet", !count);
  for (const box of boxes) box.closest("tr").classList.toggle("on", box.checked);
  const all = $("[data-tickall]");
  all.checked = count === boxes.length && count > 0;
  all.indeterminate = count > 0 && count < boxes.length;
}
bulk?.addEventListener("change", (event) => {
  if (event.target.matches("[data-tickall]")) for (const box of $$("tbody [name=n]", bulk)) box.checked = event.target.checked;
  ticked();
});
ticked();
$("select[data-goto]")?.addEventListener("change", (event) => { location.href = event.target.dataset.goto + encodeURIComponent(event.target.value); });
const json = $("[data-json]");
function checkJson() {
  const says = $("#jsonsays"), text = json.value.trim();
  if (!says) return;
  try {
    if (text && "[{".includes(text[0])) { JSON.parse(text); setText(says, "JSON"); } else setText(says, "");
    says.classList.remove("bad");
  } catch (error) {
    setText(says, "Not JSON: " + error.message);
    says.classList.add("bad");
  }
}
json?.addEventListener("input", checkJson);
if (json) checkJson();
$("#delay")?.addEventListener("input", () => { $("[name=when][value=in]").checked = true; });

// The graph: what is connected stays, the rest is dimmed.
const graph = $(".graph");
if (graph) {
  const light = (event, on) => {
    const node = event.target.closest(".node");
    if (!node) return;
    graph.classList.toggle("lit", on);
    for (const id of node.dataset.near.split(" ")) document.getElementById(id)?.classList.toggle("on", on);
  };
  for (const kind of ["pointerover", "focusin"]) graph.addEventListener(kind, (event) => light(event, true));
  for (const kind of ["pointerout", "focusout"]) graph.addEventListener(kind, (event) => light(event, false));
}

// Keys: off inside fields, with a modifier, or when turned off.
let row = -1, chord = "";
const rows = () => $$("[data-row]");
function move(by) {
  const all = rows();
  if (!all.length) return;
  row = Math.min(all.length - 1, Math.max(0, row + by));
  const link = $("a.open", all[row]);
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
}
document.addEventListener("focusin", (event) => { const at = rows().indexOf(event.target.closest("[data-row]")); if (at >= 0) row = at; });
const KEYS = {
  "/": () => ($("[data-filters] [name=text]") ?? $(".seek input"))?.focus(),
  j: () => move(1), k: () => move(-1),
  x: () => { const box = $("[name=n]", rows()[row] ?? document.createElement("p")); if (box) { box.checked = !box.checked; ticked(); } },
  r: () => $(".try")?.click(),
  s: () => { location.href = $(".acts a.main[href^='/send']")?.href ?? "/send"; },
  p: () => $(".toggle")?.click(),
  ".": () => { const link = $("[data-fresh]"); if (link && !link.closest(".fresh").hidden) link.click(); },
  "?": () => $("#help").showModal(),
  g: () => { chord = "g"; setTimeout(() => { chord = ""; }, 1000); },
};
const CHORDS = { o: "/", i: "/identity", t: "/time" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("keys") === "off") return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
  if (chord === "g" && CHORDS[event.key]) { chord = ""; location.href = CHORDS[event.key]; return; }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});
$("#keys")?.addEventListener("click", () => $("#help").showModal());
$("#keysoff")?.addEventListener("click", (event) => {
  const off = localStorage.getItem("keys") !== "off";
  localStorage.setItem("keys", off ? "off" : "on");
  setText(event.target, off ? "Turn keys on" : "Turn keys off");
});
document.documentElement.classList.add("js");
tickTimes();
