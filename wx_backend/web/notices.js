// WeChat's own tag for agreeing to notices (wx-open-subscribe): only its own browser knows it, and only after it has
// checked that the account signed the page's address (wx.config). Until then a sentence stands in place of buttons.
const notices = document.getElementById("notices");
const PATIENCE_MS = 15_000; // WeChat has said neither yes nor no
const EVENT_MS = 4_000; // WeChat's event of a yes is with us before the page says it

let failed = false;
function show(state) {
  failed ||= state === "failed";
  for (const line of notices.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== (failed ? "failed" : state);
  notices.classList.toggle("ready", !failed && state === "ready");
}
const fails = () => show("failed");

async function signed() {
  const here = encodeURIComponent(location.href.split("#")[0]);
  const answer = await fetch(`${notices.dataset.sdk}?url=${here}`, { headers: { "HX-Request": "true" } });
  if (answer.status !== 200) throw new Error("no signature");
  return answer.json();
}

async function open() {
  show("wait");
  const late = setTimeout(fails, PATIENCE_MS);
  document.addEventListener("WeixinOpenTagsError", fails); // this phone is too old for such tags
  wx.error(fails);
  // It calls this after a refusal too.
  wx.ready(() => { clearTimeout(late); show("ready"); });
  try {
    wx.config({ ...await signed(), debug: false, jsApiList: ["checkJsApi"], openTagList: ["wx-open-subscribe"] });
  } catch {
    fails();
  }
}

// { template: '{"status": "accept"}' }, all of it text; what cannot be read is no answer.
function answerTo(template, details) {
  try {
    return JSON.parse(JSON.parse(details)[template]).status ?? "";
  } catch {
    return "";
  }
}

for (const tag of notices.querySelectorAll("wx-open-subscribe")) {
  tag.addEventListener("error", fails);
  tag.addEventListener("success", (event) => {
    const form = tag.closest("form");
    form.elements.answer.value = answerTo(form.elements.template.value, event.detail.subscribeDetails);
    show("noting");
    setTimeout(() => form.submit(), form.elements.answer.value === "accept" ? EVENT_MS : 0);
  });
}
if (/MicroMessenger/i.test(navigator.userAgent)) open();
