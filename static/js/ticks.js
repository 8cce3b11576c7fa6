/* Ticking rows of a list: [data-tick] boxes, [data-tick-all] for the page, Shift+click for a range, x for the row with the focus.
   [data-tick-count] says how many; [data-tick-everything] means all pages. Without JavaScript the boxes work by themselves. */
(function () {
  "use strict";
  const boxes = () => [...document.querySelectorAll("[data-tick]")];
  const number = new Intl.NumberFormat("en");
  let last = null;

  function count() {
    const all = boxes();
    const ticked = all.filter((box) => box.checked).length;
    const everything = document.querySelector("[data-tick-everything]");
    const head = document.querySelector("[data-tick-all]");
    if (head) {
      head.checked = ticked > 0 && ticked === all.length;
      head.indeterminate = ticked > 0 && ticked < all.length;
    }
    const said = document.querySelector("[data-tick-count]");
    if (!said) return;
    const text = everything?.checked ? "All ticked" : `${number.format(ticked)} ticked`;
    if (said.textContent !== text) {
      said.textContent = text;
      if (ticked) window.llmops.announce(text);
    }
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-tick]");
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && last?.isConnected) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
      for (const between of all.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches("[data-tick-everything]") && event.target.checked) for (const box of boxes()) box.checked = true;
    if (event.target.matches("[data-tick], [data-tick-all], [data-tick-everything]")) {
      const everything = document.querySelector("[data-tick-everything]");
      if (everything && event.target !== everything && boxes().some((box) => !box.checked)) everything.checked = false;
      count();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const box = event.target.closest("tr")?.querySelector("[data-tick]");
    if (!box || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    event.preventDefault();
    box.click();
  });
  addEventListener("pageshow", count);
  document.addEventListener("htmx:afterSettle", count);
})();
