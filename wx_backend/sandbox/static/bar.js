// The demo's tools at the head of the page: the clock that can be moved, and faults on purpose.
import { $, button, tell, when } from "./wire.js";

const PATH = "/cgi-bin/message/template/send";
const FAULTS = {
  busy: "系统繁忙（-1）", token: "令牌失效（40001）", quota: "当日额度用完（45009）", html: "返回网页（200）",
  drop_after: "已送达但连接断开", slow: "一直不回答",
};

export function prepare() {
  for (const one of document.querySelectorAll("[data-advance]")) {
    one.addEventListener("click", () => tell("clock", { advance_seconds: Number(one.dataset.advance) }));
  }
  $("[data-reset]").addEventListener("click", () => tell("clock", { offset_seconds: 0 }));
  const toggle = $("#tools-toggle");
  toggle.addEventListener("click", () => {
    const open = $("#tools").classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  });
  const faults = $(".faults");
  document.addEventListener("click", (event) => faults.contains(event.target) || (faults.open = false));
  faults.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    faults.open = false;
    $("summary", faults).focus();
  });
}

export function draw(state) {
  const told = { month: "long", day: "numeric", weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  $("#now").textContent = `北京 ${when(state.now, "Asia/Shanghai", told)}`;
  drawFaults(new Set(state.faults.map((fault) => fault.kind)));
}

function drawFaults(standing) {
  const box = $("#faults");
  const mark = [...standing].join();
  if (box.dataset.mark === mark) return;
  box.dataset.mark = mark;
  $(".faults").classList.toggle("on", standing.size > 0);
  const buttons = Object.entries(FAULTS).map(([kind, label]) =>
    button(label, () => tell("faults", { path: PATH, kind, rate: 1 }), standing.has(kind) ? "on" : ""));
  box.replaceChildren(...buttons, button("全部恢复正常", () => tell("faults", undefined, "DELETE"), "mend"));
}
