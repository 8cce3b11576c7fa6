/* textarea[data-draft="name"] keeps what was typed in this browser until it was saved.
   data-draft-base="7" names what the text was an edit of: when that has moved on, the draft is offered, not put in. */
(function () {
  "use strict";
  const PREFIX = "llmops:draft:";
  const KEEP_MS = 30 * 24 * 3600 * 1000;
  const { whenPresent } = window.llmops;
  const user = document.body.dataset.user || "";

  let store;
  try { store = window.localStorage; } catch { return; }
  if (!store) return;

  const keyOf = (area) => `${PREFIX}${user}:${location.pathname}:${area.dataset.draft}`;
  const waiting = new WeakMap();
  const baseOf = (area) => area.dataset.draftBase || "";
  function read(key) {
    try { return JSON.parse(store.getItem(key)); } catch { return null; }
  }
  function write(key, draft) {
    try { store.setItem(key, JSON.stringify(draft)); } catch { /* full: the text is still on the page */ }
  }
  const draftKeys = () => Object.keys(store).filter((key) => key.startsWith(PREFIX));

  /* A draft that was sent is done with once the server said so. Whoever looks elsewhere first has not saved it: the answer
     was that it has errors, or meets another change. */
  const saved = document.querySelector(".toast-note.is-success") !== null;
  for (const key of draftKeys()) {
    const draft = read(key);
    const elsewhere = !key.startsWith(`${PREFIX}${user}:${location.pathname}:`);
    if (!draft || Date.now() - draft.at > KEEP_MS || (draft.sent && saved)) store.removeItem(key);
    else if (draft.sent && elsewhere) write(key, { ...draft, sent: false });
  }

  whenPresent("textarea[data-draft]", (area) => {
    const key = keyOf(area);
    const draft = read(key);
    if (draft && draft.text !== area.value) {
      if (draft.base === baseOf(area)) {
        const before = area.value;
        put(area, draft.text);
        note(area, "This is what you had typed and not saved.", "Discard it", () => put(area, before));
      } else {
        note(area, "You had typed something else before this was changed.", "Show my text", () => put(area, draft.text));
      }
    } else if (draft) {
      store.removeItem(key);
    }
    area.addEventListener("input", () => {
      clearTimeout(waiting.get(area));
      waiting.set(area, setTimeout(() => keep(area), 300));
    });
    addEventListener("pagehide", () => { if (waiting.has(area)) keep(area); });
  });

  function keep(area) {
    clearTimeout(waiting.get(area));
    waiting.delete(area);
    const key = keyOf(area);
    if (area.value === area.defaultValue) { store.removeItem(key); return; }
    const earlier = read(key);
    if (earlier && earlier.sent && earlier.text === area.value) return;
    write(key, { text: area.value, base: baseOf(area), at: Date.now() });
  }
  function put(area, text) {
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function note(area, text, action, act) {
    const line = document.createElement("p");
    line.className = "draft-note";
    line.setAttribute("role", "status");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link-button";
    button.textContent = action;
    button.addEventListener("click", () => { act(); line.remove(); area.focus(); });
    line.append(text, button);
    area.after(line);
  }

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-forget-drafts]")) {
      for (const key of draftKeys()) store.removeItem(key);
      return;
    }
    if (event.defaultPrevented) return;
    for (const area of event.target.querySelectorAll("textarea[data-draft]")) {
      if (area.value !== area.defaultValue) {
        write(keyOf(area), { text: area.value, base: baseOf(area), at: Date.now(), sent: true });
      }
    }
  });
  /* What is sent by a fragment's form is kept at once, and nothing that still waits is kept after it was saved.
     A part of a form that only asks something (what the text holds, say) saves nothing. */
  const areasSent = (event) => {
    const form = event.detail.elt;
    if (!form.matches?.("form") || event.detail.requestConfig?.verb === "get") return [];
    return form.querySelectorAll("textarea[data-draft]");
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    for (const area of areasSent(event)) if (waiting.has(area)) keep(area);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    for (const area of areasSent(event)) {
      clearTimeout(waiting.get(area));
      waiting.delete(area);
      store.removeItem(keyOf(area));
    }
  });
})();
