/* Forms: text areas that grow, Ctrl+Enter, no double sending, and a question before typed text is left behind. */
(function () {
  "use strict";
  const { whenPresent } = window.llmops;

  if (!CSS.supports("field-sizing", "content")) {
    whenPresent("textarea[data-autosize]", (area) => {
      const fit = () => {
        area.style.height = "auto";
        area.style.height = `${area.scrollHeight + 2}px`;
      };
      area.addEventListener("input", fit);
      fit();
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.form;
    if (form && event.target.matches("textarea, input")) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  /* A second click while the first is on its way must not start a second run. */
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const form = event.target;
    if (form.method !== "post" || form.matches("[hx-post], [data-stream]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true");
    setTimeout(() => { delete form.dataset.sent; button?.removeAttribute("aria-busy"); }, 8000);
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
    }
  });

  /* form[data-guard]: ask before leaving with text that was typed and not sent. Within [data-not-saved] nothing is stored. */
  whenPresent("form[data-guard]", (form) => {
    form.addEventListener("input", (event) => {
      if (!event.target.closest("[data-not-saved]")) form.dataset.changed = "yes";
    });
    form.addEventListener("reset", () => delete form.dataset.changed);
    form.addEventListener("submit", () => { if (form.dataset.changed) form.dataset.changed = "sent"; });
  });
  const typedIn = (place) => document.querySelector(`${place} form[data-changed="yes"]`);
  addEventListener("beforeunload", (event) => {
    if (typedIn("body")) event.preventDefault();
  });
  /* The side panel is left without leaving the page: dialog#leave-unsaved asks then. */
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.elt.matches(".row-link, [data-panel-step], [data-panel-close]")) return;
    const form = typedIn(".panel");
    const dialog = document.getElementById("leave-unsaved");
    if (!form || !dialog) return;
    event.preventDefault();
    dialog.returnValue = "";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "leave") return;
      delete form.dataset.changed;
      event.detail.issueRequest(true);
    }, { once: true });
  });
})();
