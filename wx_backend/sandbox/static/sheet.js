// The panel that slides over a phone: ＋, scanning, voice, place, a picture seen large, settings.
import { $, act, button, element, tell } from "./wire.js";

const copy = (id) => $(id).content.cloneNode(true);

function open(phone, title, ...content) {
  const shade = $(".shade", phone.root);
  if (shade.hidden) phone.before = document.activeElement;
  $("h2", shade).textContent = title;
  $(".sheet", shade).setAttribute("aria-label", title);
  $(".body", shade).replaceChildren(...content);
  shade.hidden = false;
  ($(".body button, .body input:not([hidden])", shade) ?? $(".close", shade)).focus();
}

function close(phone) {
  const shade = $(".shade", phone.root);
  if (shade.hidden) return;
  shade.hidden = true;
  phone.before?.focus();
}

// Closes the panel, then does what was chosen in it.
const then = (phone, deed) => () => {
  close(phone);
  deed();
};

export function prepare(phone) {
  const shade = $(".shade", phone.root);
  $(".close", shade).addEventListener("click", () => close(phone));
  shade.addEventListener("click", (event) => event.target === shade && close(phone));
  shade.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(phone);
    if (event.key !== "Tab") return;
    const stops = [...shade.querySelectorAll("button, input:not([hidden])")];
    const at = stops.indexOf(document.activeElement);
    const end = event.shiftKey ? 0 : stops.length - 1;
    if (at !== end) return;
    event.preventDefault();
    stops[stops.length - 1 - end].focus();
  });
}

export function plus(phone) {
  const content = copy("#plus-sheet");
  const file = $("input", content);
  const deeds = { picture: () => file.click(), place: () => place(phone), voice: () => voice(phone), scan: () => scan(phone) };
  for (const [name, deed] of Object.entries(deeds)) $(`[data-open=${name}]`, content).addEventListener("click", deed);
  file.addEventListener("change", then(phone, () => file.files[0] && tell(`users/${phone.data.openid}/photo`, file.files[0])));
  open(phone, "发送", content);
}

function left(code) {
  if (code.left === null) return "长期有效";
  if (code.left <= 0) return "已过期";
  const [count, unit] = [[86400, "天"], [3600, "小时"], [60, "分钟"]].find(([size]) => code.left >= size) ?? [60, "分钟"];
  return `还有${Math.max(1, Math.floor(code.left / count))}${unit}`;
}

export function scan(phone) {
  const content = copy("#scan-sheet");
  const codes = phone.state.codes;
  $(".hint", content).textContent = codes.length ? "点一个二维码，就像用手机扫它。" : "现在还没有二维码。公众号发出二维码后，会出现在这里。";
  for (const code of codes) {
    const one = button("", then(phone, () => act(phone.data.openid, "scan", { ticket: code.ticket })), "code");
    const image = element("img");
    image.src = `_sandbox/codes/${code.ticket}.png`;
    image.alt = "";
    one.append(image, element("b", "", code.scene), element("small", code.left !== null && code.left <= 0 ? "over" : "", left(code)));
    $(".codes", content).append(one);
  }
  $(".typed", content).addEventListener("submit", (event) => {
    event.preventDefault();
    const scene = $("input", event.target).value.trim();
    if (scene) then(phone, () => act(phone.data.openid, "scan", { scene }))();
  });
  open(phone, "扫一扫", content);
}

function voice(phone) {
  const content = copy("#voice-sheet");
  $("form", content).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("input", event.target).value.trim();
    then(phone, () => act(phone.data.openid, "voice", { text, seconds: Math.ceil(text.length / 3) || 2 }))();
  });
  open(phone, "发语音", content);
}

function place(phone) {
  const list = element("div", "list");
  for (const { label, latitude, longitude } of phone.data.places) {
    const body = { Location_X: String(latitude), Location_Y: String(longitude), Label: label };
    list.append(button(label, then(phone, () => act(phone.data.openid, "location", body))));
  }
  open(phone, "发送位置", list);
}

// A picture seen large; the QR code in it can be read by this phone or by another one held over it.
export function look(phone, entry, others, show) {
  const image = element("img", "large");
  image.src = `_sandbox/media/${entry.media}`;
  image.alt = "图片";
  if (!entry.ticket) return open(phone, "图片", image);
  const scanBy = (one) => then(phone, () => {
    act(one.data.openid, "scan", { ticket: entry.ticket });
    if (one !== phone) show(one.data.openid);
  });
  const list = element("div", "list names");
  for (const other of others) list.append(button(other.data.nickname, scanBy(other)));
  open(phone, "图片", image, button("识别二维码", scanBy(phone), "main"), element("p", "hint", "让另一部手机扫："), list);
}

export function settings(phone) {
  const { openid, blocked } = phone.data;
  const list = element("div", "list");
  list.append(
    button(blocked ? "恢复接收服务通知" : "不再接收服务通知", then(phone, () => tell(`users/${openid}/block`, { on: !blocked }))),
    button("取消关注", then(phone, () => act(openid, "unfollow")), "warn"),
  );
  open(phone, "设置", list);
}
