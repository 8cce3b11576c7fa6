/* A form that was sent after the sign-in had ended, or that was refused unread, is not lost: what was typed is kept for this tab
   until the form's page is shown again, and put back there. Passwords and files are not kept. */
(function () {
  "use strict";
  const KEY = "llmops:unsent";
  const KEEP_MS = 60 * 60 * 1000;
  const SKIP = "[type=hidden], [type=password], [type=file], [type=submit], [type=button]";
  const user = document.body.dataset.user || "";
  let store;
  try { store = window.sessionStorage; } catch { return; }

  const read = () => { try { return JSON.parse(store.getItem(KEY)); } catch { return null; } };
  const write = (sent) => { try { store.setItem(KEY, JSON.stringify(sent)); } catch { /* full: the browser's own Back still has it */ } };
  const place = () => location.pathname + location.search;
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !field.matches(SKIP) && "value" in field && !field.matches("button, fieldset"));
  const formsOf = () => [...document.querySelectorAll("main form")].filter((form) => form.method === "post");

  const kept = read();
  const back = document.querySelector("[data-unsent-back]");  /* a page that says that a form was refused unread */
  if (kept && back) {
    write({ ...kept, signedOut: true, refused: true });
    back.href = kept.place;
    back.hidden = false;
  } else if (kept) {
    if (!user) { if (document.querySelector("input[type=password]")) write({ ...kept, signedOut: true }); }
    else if (!kept.signedOut || kept.user !== user || Date.now() - kept.at > KEEP_MS) store.removeItem(KEY);
    else if (kept.place === place()) {
      store.removeItem(KEY);
      document.addEventListener("DOMContentLoaded", () => putBack(kept));  /* when tables that grow are ready to */
    }
  }

  function putBack(sent) {
    const form = formsOf().find((each) => each.getAttribute("action") === sent.action);
    if (!form) return;
    const fields = grown(form, sent.fields.length);
    sent.fields.forEach(([name, value, checked], at) => {
      const called = fields.filter((each) => each.name === name);
      const field = fields[at]?.name === name ? fields[at] : called.length === 1 ? called[0] : null;
      if (!field) return;
      if (field.matches("[type=checkbox], [type=radio]")) field.checked = checked;
      else field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    const note = document.createElement("div");
    note.className = "notice is-unsure unsent-note";
    note.setAttribute("role", "alert");
    note.tabIndex = -1;
    const why = sent.refused ? "This page had been open for too long" : "You were signed out before this was sent";
    note.textContent = `${why}, so nothing was saved. What you typed is here again: look it over and send it once more.`;
    form.before(note);
    note.focus();
  }

  /* The fields of the form, after as many rows were added as were sent. */
  function grown(form, wanted) {
    const more = form.querySelector("[data-grid-add]");
    let fields = fieldsOf(form);
    for (let before = 0; more && fields.length < wanted && fields.length > before; fields = fieldsOf(form)) {
      before = fields.length;
      more.click();
    }
    return fields;
  }

  function keep(form) {
    if (!user || form.method !== "post" || form.matches("[data-forget-drafts]")) return;
    const fields = fieldsOf(form).map((field) => [field.name, field.value, Boolean(field.checked)]);
    if (fields.length) write({ user, place: place(), action: form.getAttribute("action"), fields, at: Date.now() });
  }
  document.addEventListener("submit", (event) => { if (!event.defaultPrevented) keep(event.target); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt;
    if (form.matches?.("form") && event.detail.requestConfig?.verb === "post") keep(form);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const signedOut = /\/sign-in\//.test(event.detail.xhr?.responseURL || "");
    if (event.detail.successful && !signedOut && event.detail.elt.matches?.("form")) store.removeItem(KEY);
  });
})();
