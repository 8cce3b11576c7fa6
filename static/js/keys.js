/* Single keys, never while typing: ? shortcuts, / search, g + letter pages, j and k rows of a list. */
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
    else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
  });

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
