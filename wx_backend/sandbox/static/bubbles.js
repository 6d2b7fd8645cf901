// How one entry of a conversation looks: text with its links, pictures, voice, places, template messages.
import { act, browsed, button, element, when } from "./wire.js";

const LINK = /<a href="[^"]+">[^<]*<\/a>/;
const CHOICE = /^\s*(\d+\s*[.、．]?\s*)?<a href="[^"]+">[^<]*<\/a>\s*$/;
const QUIET_SECONDS = 300; // after so long a silence the time stands between two messages

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// A link of the account's: a menu id is an answer, a web address opens beside the phones, anything else is only text.
function anchor(openid, entry, link, className, label) {
  const known = link.id || /^https?:/.test(link.href);
  if (!known) return element("span", className, label);
  const made = element("a", className, label);
  made.href = link.id ? "#" : browsed(openid, plain(link.href));
  if (link.id) {
    made.addEventListener("click", (event) => {
      event.preventDefault();
      act(openid, "choose", { id: link.id, content: link.content, mini: entry.app === "mini_program" });
    });
  } else {
    made.target = "_blank";
    made.rel = "noopener";
  }
  return made;
}

// A line that is nothing but a link is a row that is easy to hit; links inside a sentence stay there.
function spoken(openid, entry) {
  const bubble = element("div", "bubble account");
  const links = [...entry.links];
  let text = null;
  for (const line of entry.text.split("\n")) {
    const choice = CHOICE.exec(line);
    if (choice) {
      const link = links.shift();
      bubble.append(anchor(openid, entry, link, "choice", `${choice[1] ?? ""}${plain(link.label)}`));
      text = null;
      continue;
    }
    if (text === null) bubble.append((text = element("p")));
    else text.append("\n");
    line.split(LINK).forEach((part, n) => {
      if (n > 0) {
        const link = links.shift();
        text.append(anchor(openid, entry, link, "", plain(link.label)));
      }
      text.append(plain(part));
    });
  }
  for (const line of bubble.querySelectorAll("p")) {
    line.lastChild.textContent = line.lastChild.textContent.trimEnd();
    if (!line.textContent.trim()) line.remove();
  }
  return bubble;
}

function picture(entry, look) {
  const made = button("", () => look(entry), `picture ${entry.side}`);
  const image = element("img");
  image.src = `_sandbox/media/${entry.media}`;
  image.alt = entry.ticket ? "二维码图片，点开可以识别" : "图片，点开看大图";
  made.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    look(entry);
  });
  made.append(image);
  if (entry.ticket) made.append(element("span", "", "点开识别二维码"));
  return made;
}

function voice(entry) {
  const made = element("div", `bubble voice ${entry.side}`);
  made.append(element("span", "length", `语音 ${entry.seconds}″`), element("span", "heard", entry.text || "（没有听清）"));
  return made;
}

function card(openid, entry) {
  const made = element("article", "card");
  made.append(element("span", "tag", "服务通知"), element("h3", "", entry.title));
  const rows = element("dl");
  for (const row of entry.rows) rows.append(element("dt", "", row.name), element("dd", "", row.value));
  made.append(rows);
  if (/^https?:/.test(entry.url)) made.append(anchor(openid, entry, { href: entry.url }, "details", "查看详情"));
  return made;
}

function body(openid, entry, look) {
  if (entry.kind === "template") return card(openid, entry);
  if (entry.side === "system") return element("div", "notice", entry.text);
  if (entry.media) return picture(entry, look);
  if (entry.kind === "voice") return voice(entry);
  if (entry.kind === "location") return element("div", `bubble place ${entry.side}`, `位置：${entry.text}`);
  if (entry.side === "account") return spoken(openid, entry);
  return element("div", "bubble person", entry.text);
}

// The nodes of one entry; `before` is the moment of the one above it, `look` opens a picture.
export function drawn(owner, entry, before, look) {
  const nodes = [];
  if (entry.at - before > QUIET_SECONDS) {
    const told = { month: "long", day: "numeric", weekday: "short", hour: "2-digit", minute: "2-digit" };
    nodes.push(element("div", "when", when(entry.at, owner.zone, told)));
  }
  if (entry.app === "mini_program") nodes.push(element("div", `through ${entry.side}`, "小程序客服"));
  return [...nodes, body(owner.openid, entry, look)];
}
