// The phones: asks the sandbox what is new, draws it, and sends what a person does. No framework, no build.
import * as bar from "./bar.js";
import { drawn } from "./bubbles.js";
import * as sheet from "./sheet.js";
import { $, act, afterwards, ask, browse, button, element, when } from "./wire.js";

const EVERY_MS = 700;
const phones = new Map(); // openid → {root, tab, data, state, unread, visible, last}
let since = 0;
let epoch = null;

// Whoever can be seen has read what came; on a narrow page that is one phone, on a wide one several.
const eyes = new IntersectionObserver((changes) => {
  for (const { target, intersectionRatio } of changes) {
    const phone = phones.get(target.dataset.openid);
    phone.visible = intersectionRatio > 0.5;
    if (phone.visible) unread(phone, 0);
  }
}, { threshold: [0, 0.5, 0.51, 1] });

function unread(phone, count) {
  phone.unread = count;
  const dot = $(".dot", phone.tab);
  dot.textContent = count > 99 ? "99" : String(count || "");
  dot.hidden = !count;
  if (count) phone.tab.setAttribute("aria-label", `${phone.data.nickname}，${count}条新消息`);
  else phone.tab.removeAttribute("aria-label");
}

function show(openid, focus = false) {
  for (const [key, phone] of phones) {
    phone.root.classList.toggle("shown", key === openid);
    phone.tab.setAttribute("aria-selected", String(key === openid));
    phone.tab.tabIndex = key === openid ? 0 : -1;
  }
  const phone = phones.get(openid);
  history.replaceState(null, "", `#${openid}`);
  phone.root.scrollIntoView({ inline: "center", block: "nearest" });
  phone.tab.scrollIntoView({ inline: "nearest", block: "nearest" });
  if (focus) phone.tab.focus();
  toNewest(phone);
}

// The newest bubble is in sight: its end, or its beginning when it is taller than the screen.
function toNewest(phone) {
  const log = $(".log", phone.root);
  log.scrollTop = log.scrollHeight;
  const newest = log.lastElementChild;
  if (newest && newest.offsetHeight > log.clientHeight) log.scrollTop = newest.offsetTop - log.offsetTop - 8;
}

function makePhone(data) {
  const root = $("#phone").content.firstElementChild.cloneNode(true);
  root.id = `phone-${data.openid}`;
  root.dataset.openid = data.openid;
  $(".who", root).textContent = data.nickname;
  $(".caption", root).textContent = data.caption;
  const tab = button(data.nickname, () => show(data.openid));
  tab.id = `tab-${data.openid}`;
  tab.append(element("i", "dot"));
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", root.id);
  root.setAttribute("aria-labelledby", tab.id);
  const phone = { root, tab, data, unread: 0, visible: false, last: 0 };
  phones.set(data.openid, phone);
  $("#phones").append(root);
  $("#tabs").append(tab);
  $(".log", root).addEventListener("load", () => toNewest(phone), true); // a picture takes its height late
  $(".follow", root).addEventListener("click", () => act(data.openid, "follow"));
  $(".scan", root).addEventListener("click", () => sheet.scan(phone));
  $(".plus", root).addEventListener("click", () => sheet.plus(phone));
  $(".more", root).addEventListener("click", () => sheet.settings(phone));
  $(".write", root).addEventListener("submit", (event) => {
    event.preventDefault();
    const input = $("input", event.target);
    const text = input.value.trim();
    input.value = "";
    if (text) act(data.openid, "text", { text });
  });
  sheet.prepare(phone);
  unread(phone, 0);
  eyes.observe(root);
  return phone;
}

function closeDoors(except) {
  for (const door of document.querySelectorAll(".door.open")) {
    if (door === except) continue;
    door.classList.remove("open");
    $("button", door).setAttribute("aria-expanded", "false");
  }
}

function tap(openid, item) {
  if (item.type === "view") {
    browse(openid, item.url);
    return act(openid, "event", { Event: "VIEW", EventKey: item.url });
  }
  return act(openid, "menu", { key: item.key });
}

function makeDoor(openid, { name, sub_button: items = [], ...item }) {
  const door = element("div", "door");
  if (!items.length) {
    door.append(button(name, () => tap(openid, item)));
    return door;
  }
  const head = button(name, () => {
    closeDoors(door);
    head.setAttribute("aria-expanded", String(door.classList.toggle("open")));
  });
  head.setAttribute("aria-expanded", "false");
  const list = element("ul");
  for (const one of items) {
    const line = element("li");
    line.append(button(one.name, () => { closeDoors(); tap(openid, one); }));
    list.append(line);
  }
  door.append(head, list);
  door.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeDoors();
    head.focus();
  });
  return door;
}

function drawDoors(phone, menu) {
  const mark = JSON.stringify(menu);
  if (phone.menu === mark) return;
  phone.menu = mark;
  $(".doors", phone.root).replaceChildren(...(menu?.button ?? []).map((one) => makeDoor(phone.data.openid, one)));
}

function drawLog(phone, data, first) {
  const others = () => [...phones.values()].filter((other) => other !== phone);
  for (const entry of data.log) {
    const look = (one) => sheet.look(phone, one, others(), show);
    $(".log", phone.root).append(...drawn(data, entry, phone.last, look));
    phone.last = entry.at;
    since = Math.max(since, entry.id);
    if (!first && !phone.visible && entry.side === "account") unread(phone, phone.unread + 1);
  }
  if (data.log.length) toNewest(phone);
}

function drawPhone(data, state) {
  const first = !phones.has(data.openid);
  const phone = phones.get(data.openid) ?? makePhone(data);
  Object.assign(phone, { data, state });
  phone.root.classList.toggle("stranger", !data.following);
  $(".account", phone.root).textContent = state.account;
  $(".local", phone.root).textContent = when(state.now, data.zone, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const zone = new Intl.DateTimeFormat("zh-CN", { timeZone: data.zone, timeZoneName: "shortGeneric" }).formatToParts();
  $(".zone", phone.root).textContent = zone.find((part) => part.type === "timeZoneName").value;
  drawDoors(phone, state.menu);
  drawLog(phone, data, first);
}

let busy = false;
async function refresh() {
  if (busy) return;
  busy = true;
  try {
    const state = await ask(`state?since=${since}`);
    epoch ??= state.epoch;
    if (state.epoch !== epoch) return location.reload(); // the demo began anew: its entries are numbered from one again
    const fresh = phones.size === 0;
    for (const data of state.phones) drawPhone(data, state);
    bar.draw(state);
    if (fresh && phones.size) show(phones.has(location.hash.slice(1)) ? location.hash.slice(1) : [...phones.keys()][0]);
    $("#lost").hidden = true;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    $("#lost").hidden = false; // nobody answers
  } finally {
    busy = false;
  }
}

$("#tabs").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const all = [...phones.values()];
  const at = all.findIndex((phone) => phone.tab === document.activeElement);
  show(all[(at + step + all.length) % all.length].data.openid, true);
});
document.addEventListener("click", (event) => event.target.closest(".door") || closeDoors());
bar.prepare();
afterwards(refresh);
setInterval(refresh, EVERY_MS);
refresh();
