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

  /* A step to the next item is a new page: the focus is there where one left it, so that Enter goes on. */
  const STEP = "llmops:panel-step";
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-panel-step]");
    if (step && !event.ctrlKey && !event.metaKey && !event.shiftKey) keep(step.dataset.panelStep);
  });
  window.addEventListener("load", () => {
    const panel = document.querySelector(".panel");
    const over = covers();
    const step = keep("");
    if (!panel || !(over || step)) return;
    (panel.querySelector(`[data-panel-step="${step}"]`) || panel).focus({ preventScroll: true });
  });
  /* Keeps a word for the next page of this tab, and returns the one before. Where nothing can be kept, the panel has the focus. */
  function keep(word) {
    try {
      const before = sessionStorage.getItem(STEP);
      sessionStorage.setItem(STEP, word);
      return before;
    } catch { return ""; }
  }

  /* The panel takes focus when it opens through a link in the list, and gives it back to that link. */
  let cameFrom = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    const link = event.detail.elt.closest?.(".row-link");
    const closes = event.detail.elt.matches?.("[data-panel-close]");
    if (!link && !closes) return;
    for (const row of document.querySelectorAll(".row-link[aria-current]")) row.removeAttribute("aria-current");
    if (link) {
      link.setAttribute("aria-current", "true");
      cameFrom = link.id || null;
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    covers();
    const panel = event.detail.elt.matches?.(".panel") ? event.detail.elt : event.detail.elt.querySelector?.(".panel");
    if (panel && cameFrom) panel.focus({ preventScroll: true });
    else if (cameFrom && !document.querySelector(".panel")) {
      document.getElementById(cameFrom)?.focus({ preventScroll: true });
      cameFrom = null;
    }
  });
})();
