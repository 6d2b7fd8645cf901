// What only makes pages nicer; each of them works without it.
addEventListener("change", (event) => {
  // Whoever fills in a day or an hour of their own means it.
  const picks = event.target.dataset?.picks;
  if (picks) event.target.closest("fieldset").querySelector(`[type=radio][value="${picks}"]`).checked = true;
});

// What is to be carried into another app is copied by one tap, where the browser lets a script do it.
const copies = () => document.querySelectorAll("[data-copies]").forEach((button) => { button.hidden = false; });
addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copies]");
  if (!button) return;
  document.getElementById(button.dataset.copies).select();
  if (document.execCommand("copy")) button.textContent = button.dataset.done;
});
copies();

// After a page came in without loading anew, eyes and screen readers begin at its top, or at what does not fit.
addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt !== document.body) return;
  copies();
  const first = document.querySelector(".mistakes") ?? document.getElementById("main");
  first.focus({ preventScroll: true });
  scrollTo(0, 0);
});

// The network is gone, or we are in trouble: what was typed stands, and one sentence says so.
const sorry = (kind) => (event) => {
  const form = event.detail.elt.closest("form");
  if (!form) return;
  const said = form.querySelector(".sorry") ?? form.appendChild(document.createElement("p"));
  said.className = "error sorry";
  said.setAttribute("role", "alert");
  said.textContent = document.body.dataset[kind];
};
addEventListener("htmx:sendError", sorry("offline"));
addEventListener("htmx:responseError", sorry("failed"));
