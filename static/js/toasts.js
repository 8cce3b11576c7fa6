/* Short notes about what was done, from the page, from an HX-Trigger header {"toast": {"level", "text", "undo"}}, or from a
   script. `undo` is an address that takes it back when it is posted to; the page is loaded anew then. */
(function () {
  "use strict";
  const region = document.getElementById("toasts");
  const shape = document.getElementById("toast-shape");

  for (const button of region.querySelectorAll("[data-toast-close]")) button.hidden = false;
  region.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) event.target.closest("[data-toast]").remove();
  });
  region.addEventListener("animationend", (event) => {
    if (event.animationName === "toast-out") event.target.remove();
  });

  function toast(text, level = "success", undo = "") {
    const note = shape.content.firstElementChild.cloneNode(true);
    note.classList.add(`is-${level}`);
    note.querySelector("[data-toast-text]").textContent = text;
    if (undo) offerUndo(note.querySelector("[data-toast-undo]"), undo);
    region.append(note);
    while (region.children.length > 4) region.firstElementChild.remove();
  }
  function offerUndo(form, address) {
    form.action = address;
    form.elements.csrfmiddlewaretoken.value = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
    form.hidden = false;
  }
  window.llmops.toast = toast;
  document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.level, event.detail.undo));

  /* What went wrong with a request that htmx made: in words, and once, also while a poll keeps failing. */
  let saidAt = 0;
  function problem(text, retry = null) {
    const there = [...region.querySelectorAll("[data-toast-text]")].some((note) => note.textContent === text);
    if (there || Date.now() - saidAt < 10_000) return;
    saidAt = Date.now();
    toast(text, "error");
    if (retry) offerRetry(region.lastElementChild, retry);
  }
  /* What a person asked for can be asked again; what the page asks by itself is asked again by itself. */
  function again(element) {
    if (element.matches("form")) return () => element.requestSubmit();
    if (element.matches("a, button")) return () => element.click();
    return null;
  }
  function offerRetry(note, retry) {
    const button = note.querySelector("[data-toast-retry]");
    button.hidden = false;
    button.addEventListener("click", () => { saidAt = 0; note.remove(); retry(); });
  }
  const unreachable = () => navigator.onLine
    ? "The server cannot be reached. Nothing that you typed is lost, but what you see may be out of date."
    : "You are offline. Nothing that you typed is lost; it can be sent when the connection is back.";
  document.addEventListener("htmx:sendError", (event) => problem(unreachable(), again(event.detail.elt)));
  document.addEventListener("htmx:timeout", (event) => problem("The server did not answer in time.", again(event.detail.elt)));
  addEventListener("online", () => {
    for (const note of region.querySelectorAll("[data-toast]")) {
      if (note.querySelector("[data-toast-retry]:not([hidden])")) note.querySelector("[data-toast-text]").textContent = "The connection is back.";
    }
  });
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 403) problem("You may not do this, or the page has been open for too long. Reload it and try again.");
    else if (status === 404) problem("This is no longer there. Reload the page.");
    else problem("That did not work: the server met an error. Try again in a moment.");
  });

  /* Signed out meanwhile: a fragment request ends at the sign-in page, which belongs in the window, not in the fragment. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    const text = event.detail.xhr.responseText;
    if (/^\s*<!doctype html/i.test(text) && event.detail.target !== document.body) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });
})();
