/* Runs before anything is drawn, so that the page never flashes in the wrong colours. */
(function () {
  "use strict";
  const KEY = "llmops:theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try { return localStorage.getItem(KEY) || "auto"; } catch { return "auto"; }
  }
  function apply() {
    const choice = chosen();
    const dark = choice === "dark" || (choice === "auto" && system.matches);
    root.setAttribute("data-bs-theme", dark ? "dark" : "light");
  }
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => { if (event.key === KEY) apply(); });

  document.addEventListener("DOMContentLoaded", () => {
    for (const group of document.querySelectorAll("[data-theme-switch]")) {
      group.hidden = false;
      for (const input of group.querySelectorAll("input")) input.checked = input.value === chosen();
      group.addEventListener("change", (event) => {
        try { localStorage.setItem(KEY, event.target.value); } catch { /* private mode: this page only */ }
        apply();
      });
    }
  });
})();
