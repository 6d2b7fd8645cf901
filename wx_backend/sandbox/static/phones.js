// The phones: asks the sandbox what is new, draws it, and sends what a person does. No framework, no build.
const $ = (selector, root = document) => root.querySelector(selector);
const phones = new Map();
const FAULTS = {
  busy: "系统繁忙（-1）", token: "令牌失效（40001）", quota: "当日额度用完（45009）", html: "返回网页（200）",
  drop_after: "已送达但连接断开", slow: "一直不回答",
};
let since = 0;
let shown = null;

async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  return (await fetch(`_sandbox/${path}`, options)).json();
}

const act = (openid, verb, body = {}) => ask(`users/${openid}/${verb}`, body).then(refresh);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// A bubble's text: links become links, everything else stays text.
function spoken(openid, entry) {
  const bubble = element("div", `bubble ${entry.side}`);
  const parts = entry.text.split(/<a href="[^"]+">[^<]*<\/a>/);
  parts.forEach((part, n) => {
    bubble.append(plain(part));
    const link = entry.links[n];
    if (!link) return;
    const anchor = element("a", "", plain(link.label));
    anchor.href = link.id ? "#" : link.href;
    anchor.dataset.id = link.id;
    if (link.id) anchor.addEventListener("click", (event) => {
      event.preventDefault();
      act(openid, "choose", { id: link.id, content: link.content });
    });
    bubble.append(anchor);
  });
  return bubble;
}

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function card(entry) {
  const made = element("article", "card");
  made.append(element("span", "tag", "服务通知"), element("h2", "", entry.title));
  const rows = element("dl");
  for (const row of entry.rows) rows.append(element("dt", "", row.name), element("dd", "", row.value));
  made.append(rows);
  return made;
}

function drawn(openid, entry) {
  if (entry.kind === "template") return card(entry);
  if (entry.side === "system") return element("div", "notice", entry.text);
  return spoken(openid, entry);
}

function makePhone(data) {
  const root = $("#phone").content.firstElementChild.cloneNode(true);
  root.id = `phone-${data.openid}`;
  $(".who", root).textContent = data.nickname;
  $(".caption", root).textContent = data.caption;
  $(".follow", root).addEventListener("click", () => act(data.openid, phones.get(data.openid).following ? "unfollow" : "follow"));
  $(".write", root).addEventListener("submit", (event) => {
    event.preventDefault();
    const input = $("input", root);
    const text = input.value.trim();
    if (!text || !phones.get(data.openid).following) return;
    input.value = "";
    act(data.openid, "text", { text });
  });
  $("#phones").append(root);
  const tab = element("button", "", data.nickname);
  tab.setAttribute("role", "tab");
  tab.addEventListener("click", () => show(data.openid));
  $("#tabs").append(tab);
  return { root, tab, following: null };
}

function show(openid) {
  shown = openid;
  for (const [key, phone] of phones) {
    phone.root.classList.toggle("shown", key === openid);
    phone.tab.setAttribute("aria-selected", key === openid);
    if (key === openid) phone.tab.classList.remove("dot");
  }
  const log = $(".log", phones.get(openid).root);
  log.scrollTop = log.scrollHeight;
}

function drawDoors(phone, data, menu) {
  const mark = JSON.stringify([menu, data.following]);
  if (phone.mark === mark) return;
  phone.mark = mark;
  const doors = $(".doors", phone.root);
  doors.replaceChildren();
  if (!data.following) return;
  for (const button of menu?.button ?? []) {
    const door = element("div", "door");
    const head = element("button", "", button.name);
    const list = element("ul");
    for (const item of button.sub_button ?? []) {
      const line = element("li");
      const tap = element("button", "", item.name);
      tap.addEventListener("click", () => { door.classList.remove("open"); act(data.openid, "menu", { key: item.key }); });
      line.append(tap);
      list.append(line);
    }
    head.setAttribute("aria-haspopup", "true");
    head.addEventListener("click", () => {
      const open = door.classList.contains("open");
      for (const other of doors.children) other.classList.remove("open");
      door.classList.toggle("open", !open);
    });
    door.append(head, list);
    doors.append(door);
  }
}

const clock = (seconds, zone, options) => new Intl.DateTimeFormat("zh-CN", { timeZone: zone, hour12: false, ...options }).format(seconds * 1000);

function drawPhone(data, state) {
  if (!phones.has(data.openid)) phones.set(data.openid, makePhone(data));
  const phone = phones.get(data.openid);
  phone.following = data.following;
  phone.root.classList.toggle("offline", !data.following);
  const follow = $(".follow", phone.root);
  follow.textContent = data.following ? "取消关注" : "关注";
  follow.classList.toggle("ask", !data.following);
  $(".local", phone.root).textContent = clock(state.now, data.zone, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  drawDoors(phone, data, state.menu);
  const log = $(".log", phone.root);
  for (const entry of data.log) {
    log.append(drawn(data.openid, entry));
    if (entry.id > since) state.newest = Math.max(state.newest ?? since, entry.id);
    if (shown !== data.openid) phone.tab.classList.add("dot");
  }
  if (data.log.length) log.scrollTop = log.scrollHeight;
}

function drawFaults(state) {
  const box = $("#faults");
  const standing = new Set(state.faults.map((fault) => fault.kind));
  const mark = [...standing].join();
  if (box.dataset.mark === mark && box.childElementCount) return;
  box.dataset.mark = mark;
  box.replaceChildren();
  for (const [kind, label] of Object.entries(FAULTS)) {
    const button = element("button", standing.has(kind) ? "on" : "", label);
    button.addEventListener("click", () => ask("faults", { path: "/cgi-bin/message/template/send", kind, rate: 1 }).then(refresh));
    box.append(button);
  }
  const mend = element("button", "", "全部恢复正常");
  mend.addEventListener("click", () => ask("faults", undefined, "DELETE").then(refresh));
  box.append(mend);
}

let busy = false;
async function refresh() {
  if (busy) return;
  busy = true;
  try {
    const state = await ask(`state?since=${since}`);
    for (const data of state.phones) drawPhone(data, state);
    since = Math.max(since, state.newest ?? 0);
    $("#now").textContent = clock(state.now, "Asia/Shanghai", { month: "long", day: "numeric", weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    drawFaults(state);
    if (shown === null && phones.size) show(phones.keys().next().value);
  } finally {
    busy = false;
  }
}

for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => ask("clock", { advance_seconds: Number(button.dataset.advance) }).then(refresh));
}
$("[data-reset]").addEventListener("click", () => ask("clock", { offset_seconds: 0 }).then(refresh));
setInterval(() => refresh().catch(() => {}), 700);
refresh();
