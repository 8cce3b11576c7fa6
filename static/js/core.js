/* What the other scripts share: starting on fragments that arrive later, and saying something aloud. */
(function () {
  "use strict";

  /* Calls start(element) for every match now and in whatever htmx puts into the page later, once each. */
  function whenPresent(selector, start) {
    const started = new WeakSet();
    const scan = (root) => {
      const found = [...root.querySelectorAll(selector)];
      if (root.matches && root.matches(selector)) found.unshift(root);
      for (const element of found) {
        if (started.has(element)) continue;
        started.add(element);
        start(element);
      }
    };
    scan(document);
    document.addEventListener("htmx:load", (event) => scan(event.detail.elt));
    document.addEventListener("llmops:added", (event) => scan(event.target));
  }

  /* Buttons that only work with JavaScript are rendered hidden. */
  whenPresent("[data-copy][hidden], [data-dialog][hidden], [data-needs-script][hidden]", (element) => {
    element.hidden = false;
  });

  const region = document.createElement("div");
  region.className = "visually-hidden";
  region.setAttribute("role", "status");
  document.body.append(region);
  function announce(text) {
    region.textContent = "";
    requestAnimationFrame(() => { region.textContent = text; });
  }

  /* An error summary is where reading should go on after a form came back. */
  whenPresent("[data-focus-here]", (element) => element.focus({ preventScroll: false }));

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      announce("Copied");
      button.classList.add("is-copied");
      setTimeout(() => button.classList.remove("is-copied"), 1600);
    } catch {
      window.llmops.toast("This browser does not allow copying here. Select the text and copy it by hand.", "error");
    }
  });

  window.llmops = { whenPresent, announce };
})();
