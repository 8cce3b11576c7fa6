/* Ctrl+K or Cmd+K: the search over everything. Without JavaScript its link leads to a page that does the same. */
(function () {
  "use strict";
  const dialog = document.getElementById("finder");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const hits = () => [...dialog.querySelectorAll(".hit")];

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (!dialog.open && !document.querySelector("dialog[open]")) dialog.showModal();
    input.focus();
    input.select();
  });
  /* However it was opened: show what there is before anything is typed. */
  new MutationObserver(() => {
    if (dialog.open) window.htmx.trigger(input, "finder:open");
  }).observe(dialog, { attributeFilter: ["open"] });

  dialog.addEventListener("keydown", (event) => {
    const all = hits();
    const at = all.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const to = at + (event.key === "ArrowDown" ? 1 : -1);
      if (to < 0) input.focus();
      else all[Math.min(to, all.length - 1)]?.focus();
    } else if (event.key === "Enter" && event.target === input && all.length) {
      event.preventDefault();
      all[0].click();
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && at >= 0) {
      input.focus();  /* typing goes on where it was */
    }
  });
})();
