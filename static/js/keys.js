/* Single keys, never while typing: ? shortcuts, / search, g + letter pages, j and k (or arrows, from a row) rows of a list, or what the side panel shows. */
(function () {
  "use strict";
  let going = 0;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (document.querySelector("dialog[open]")) return;
    if (Date.now() - going < 1500 && follow(event.key)) { event.preventDefault(); going = 0; return; }
    going = event.key === "g" ? Date.now() : 0;
    if (event.key === "?") { event.preventDefault(); document.getElementById("shortcuts")?.showModal(); }
    else if (isArrow(event)) { event.preventDefault(); step(event.key === "ArrowDown" ? 1 : -1); }
    else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "j") onward("next", 1);
    else if (event.key === "k") onward("previous", -1);
  });
  /* From within the side panel it is the panel that goes on. */
  function onward(name, by) {
    const panel = document.activeElement.closest(".panel");
    if (panel?.querySelector("[data-panel-step]")) panel.querySelector(`[data-panel-step="${name}"]`)?.click();
    else step(by);
  }

  /* Up and down scroll, unless a row has the focus; cells of a dataset have arrow keys of their own (cells.js). */
  function isArrow(event) {
    return ["ArrowDown", "ArrowUp"].includes(event.key) && event.target.matches(".row-link") && !event.shiftKey;
  }
  /* The list of shortcuts tells what works on this page as it is now. */
  const list = document.getElementById("shortcuts");
  if (list) {
    new MutationObserver(() => {
      if (!list.open) return;
      for (const row of list.querySelectorAll("[data-when]")) row.hidden = !document.querySelector(row.dataset.when);
    }).observe(list, { attributeFilter: ["open"] });
  }

  function follow(letter) {
    if (!/^[a-z]$/.test(letter)) return false;
    const link = document.querySelector(`[data-go="${letter}"]`);
    if (link) location.assign(link.href);
    return link !== null;
  }
  function step(by) {
    const rows = [...document.querySelectorAll(".row-link")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = at === -1 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
    rows[next].focus();
  }
})();
