/* The side panel: it lies over the list where there is no room beside it, takes the focus and gives it back, and goes on to the next item. */
(function () {
  "use strict";

  /* Where there is no room beside the list, the panel lies over it: then nothing else can be reached until it is closed. */
  const narrow = window.matchMedia("(max-width: 1080px)");
  function covers() {
    const panel = document.querySelector(".panel");
    const over = panel !== null && narrow.matches;
    for (const part of document.querySelectorAll(".skip-link, .topbar, .side, .head, .stage-main")) part.inert = over;
    return over ? panel : null;
  }
  narrow.addEventListener("change", covers);
  document.addEventListener("click", (event) => {
    if (!event.target.isConnected || event.target.closest(".panel, dialog, .toasts") || !covers()) return;
    document.querySelector("[data-panel-close]")?.click();
  });

  addEventListener("load", () => covers()?.focus({ preventScroll: true }));

  /* The panel takes focus when it opens through a link in the list, and gives it back to that link. A step to the next
     item leaves the focus on its button, so that Enter goes on. The row stays where it is while the list changes its width. */
  const CURRENT = ".row-link[aria-current]";
  let asked = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    const from = event.detail.elt;
    const closes = from.matches?.("[data-panel-close]");
    const step = from.dataset?.panelStep;
    if (!closes && !step && !from.matches?.(".row-link")) return;
    const before = document.querySelector(CURRENT);
    const row = closes ? before : step ? rowOf(from) : from;
    asked = { xhr: event.detail.xhr, closes, step, row: row?.id ?? "", top: row?.getBoundingClientRect().top };
    for (const link of document.querySelectorAll(CURRENT)) link.removeAttribute("aria-current");
    if (!closes) row?.setAttribute("aria-current", "true");
  });
  function rowOf(step) {
    return [...document.querySelectorAll(".row-link")].find((link) => link.getAttribute("href") === step.getAttribute("href"));
  }
  /* At once after the swap, so that nothing typed in between goes elsewhere; polls beside it are no answer to it. */
  document.addEventListener("htmx:afterSwap", (event) => {
    covers();
    if (!asked || event.detail.xhr !== asked.xhr) return;
    const { closes, step, top } = asked;
    const row = document.getElementById(asked.row);
    asked = null;
    if (row) scrollBy({ top: row.getBoundingClientRect().top - top, behavior: "instant" });
    if (row && step) row.scrollIntoView({ block: "nearest" });
    const panel = document.querySelector(".panel");
    if (closes || !panel) row?.focus({ preventScroll: true });
    else (panel.querySelector(`[data-panel-step="${step}"]`) || panel).focus({ preventScroll: true });
  });
})();
