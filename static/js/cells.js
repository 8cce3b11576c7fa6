/* Cells of a list that are edited where they stand ([data-cell-edit] fetches the form [data-cell-form]).
   Arrow keys go from cell to cell, Enter opens one, F2 the title. In the form: Enter saves, Shift+Enter breaks the line,
   Esc leaves it as it was, Tab saves and goes on to the next cell. */
(function () {
  "use strict";
  const { whenPresent } = window.llmops;
  const STOPS = ".row-link, .cell-edit";
  const settled = new WeakSet();
  let goOn = 0;

  /* One stop per row for Tab; the cells are reached by arrow keys. */
  whenPresent("[data-cell-edit]", (link) => { link.tabIndex = -1; });
  whenPresent("[data-cell-form]", (form) => {
    const area = form.querySelector("textarea");
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  });

  function move(from, across, down) {
    const row = from.closest("tr");
    const at = [...row.querySelectorAll(STOPS)].indexOf(from);
    const other = down > 0 ? row.nextElementSibling : down < 0 ? row.previousElementSibling : row;
    const stop = other?.querySelectorAll(STOPS)[at + across];
    stop?.focus();
    return Boolean(stop);
  }
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    const form = event.target.closest?.("[data-cell-form]");
    if (form) {
      if (event.key === "Escape") {
        event.preventDefault();
        form.dispatchEvent(new Event("reset", { bubbles: true }));
        form.querySelector("[data-cell-cancel]").click();
      } else if (event.target.matches("textarea") && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))) {
        event.preventDefault();
        goOn = event.key === "Enter" ? 0 : event.shiftKey ? -1 : 1;
        form.requestSubmit();
      }
      return;
    }
    if (!event.target.matches?.(STOPS) || event.shiftKey || !event.target.closest(".case-table")) return;
    if (event.key === "F2") {
      const link = event.target.closest("td").querySelector("[data-cell-edit]");
      if (link) { event.preventDefault(); link.click(); }
    } else if (ARROWS[event.key] && move(event.target, ...ARROWS[event.key])) event.preventDefault();
  });

  /* After saving or leaving: on to the next cell, or back to the one that was edited.
     htmx tells of every element that it put in, a title and its pencil are two: only the first word of an answer counts. */
  document.addEventListener("htmx:afterSettle", (event) => {
    const { target: cell, xhr } = event.detail;
    if (!cell?.matches?.("td") || cell.querySelector("[data-cell-form]") || settled.has(xhr)) return;
    settled.add(xhr);
    const all = [...document.querySelectorAll(".case-table [data-cell-edit]")];
    const next = goOn ? all[all.indexOf(cell.querySelector("[data-cell-edit]")) + goOn] : null;
    goOn = 0;
    if (next) next.click();
    else cell.querySelector(STOPS)?.focus();
  });
})();
