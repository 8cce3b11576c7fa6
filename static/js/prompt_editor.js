/* The page of a prompt: messages that are added, moved and taken away, one draft of all of it, and Try it with the text as it stands.
   Without JavaScript every button here is a real one: the server does the same and shows the page again. */
(function () {
  "use strict";
  const { whenPresent, announce } = window.llmops;

  /* Each connection proposes its own models. A name is no name at another vendor, so there the first proposal replaces
     it; it is there again when its connection is. Connections of one vendor share names, but for those that only one proposes. */
  whenPresent("select[name='connection']", (select) => {
    const model = select.form.elements.model;
    const lists = [...document.querySelectorAll("datalist[data-connection]")];
    const names = (list) => [...list.options].map((option) => option.value);
    const of = (connection) => lists.find((list) => list.dataset.connection === connection);
    const typed = new Map();
    let before = select.value;
    select.addEventListener("change", () => {
      const old = of(before);
      const mine = of(select.value);
      if (old) typed.set(before, model.value);
      if (mine) before = select.value;
      model.setAttribute("list", mine ? mine.id : "");
      if (!mine || (model.value !== "" && names(mine).includes(model.value))) return;
      const same = !old || (old.dataset.vendor === mine.dataset.vendor && !names(old).includes(model.value));
      if (model.value !== "" && same) return;
      model.value = typed.get(select.value) || names(mine)[0] || "";
      model.dispatchEvent(new Event("input", { bubbles: true }));
    });
  });

  const editor = document.getElementById("editor");
  if (!editor || !document.getElementById("message-shape")) return;
  const list = document.getElementById("prompt-messages");
  const shape = document.getElementById("message-shape").content.firstElementChild;
  const rows = () => [...list.querySelectorAll("[data-message]")];
  const textOf = (row) => row.querySelector("[data-content]");
  const roleOf = (row) => row.querySelector("[name='role']");

  /* -- Messages -- */
  function number() {
    const all = rows();
    all.forEach((row, at) => {
      for (const element of row.querySelectorAll("[id], [for], [aria-label], [aria-describedby]")) {
        for (const name of ["id", "for", "aria-label", "aria-describedby"]) {
          const value = element.getAttribute(name);
          if (value) element.setAttribute(name, value.replace(/\d+/, at + 1));
        }
      }
      for (const label of row.querySelectorAll("label")) label.textContent = label.textContent.replace(/\d+/, at + 1);
      for (const button of row.querySelectorAll("[data-do]")) {
        button.value = `${button.dataset.do}-${at}`;
        const stuck = { up: at === 0, down: at === all.length - 1, remove: all.length === 1 };
        button.disabled = stuck[button.dataset.do];
      }
    });
  }
  function newRow(role, text) {
    const row = shape.cloneNode(true);
    roleOf(row).value = role;
    textOf(row).value = text;
    return row;
  }
  function added(row) {
    row.dispatchEvent(new CustomEvent("llmops:added", { bubbles: true }));
  }
  function changed() {
    number();
    list.dispatchEvent(new Event("input", { bubbles: true }));
  }

  editor.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("[data-message]");
    const all = rows();
    const at = all.indexOf(row);
    if (button.dataset.do === "add") {
      const last = all.at(-1);
      const made = newRow(last && roleOf(last).value === "user" ? "assistant" : "user", "");
      list.append(made);
      added(made);
      textOf(made).focus();
      announce(`Message ${all.length + 1} was added.`);
    } else if (button.dataset.do === "remove") {
      removed = { row, before: all[at + 1] || null };
      row.remove();
      textOf(all[at + 1] || all[at - 1]).focus();
      offerUndo(at + 1);
    } else {
      if (button.dataset.do === "up") list.insertBefore(row, all[at - 1]);
      else list.insertBefore(all[at + 1], row);
      announce(`Moved to place ${rows().indexOf(row) + 1}.`);
    }
    changed();
    if (row && row.isConnected) (button.disabled ? textOf(row) : button).focus();
  });

  /* A message that was taken away can be put back until the next one is. */
  let removed = null;
  function offerUndo(place) {
    document.getElementById("message-undo")?.remove();
    const line = document.createElement("p");
    line.className = "message-undo";
    line.id = "message-undo";
    line.setAttribute("role", "status");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link-button";
    button.textContent = "Put it back";
    button.addEventListener("click", () => {
      list.insertBefore(removed.row, removed.before?.isConnected ? removed.before : null);
      textOf(removed.row).focus();
      line.remove();
      changed();
    });
    line.append(`Message ${place} was taken away. `, button);
    list.after(line);
  }

  /* -- One draft of the whole text: drafts.js keeps a hidden field that mirrors the form -- */
  const FIELDS = ["connection", "model", "temperature", "max_tokens", "message"];
  function state() {
    const fields = FIELDS.map((name) => editor.elements[name]?.value ?? "");
    const base = editor.elements.base_version.value;
    return JSON.stringify({ rows: rows().map((row) => [roleOf(row).value, textOf(row).value]), fields, base });
  }
  function show(text) {
    const kept = JSON.parse(text);
    list.replaceChildren(...kept.rows.map(([role, content]) => newRow(role, content)));
    rows().forEach(added);
    FIELDS.forEach((name, at) => { if (editor.elements[name]) editor.elements[name].value = kept.fields[at]; });
    /* A text that was begun before another version was saved meets that version when it is saved. */
    if (kept.base) editor.elements.base_version.value = kept.base;
    changed();
  }
  const unsaved = editor.querySelector("[data-unsaved-note]");
  const save = editor.querySelector("[data-save]");
  function tellUnsaved(there) {
    if (!unsaved) return;
    unsaved.hidden = !there;
    save.classList.toggle("btn-primary", there);
  }
  /* By itself a browser shows the caret only, and the rest of the field may be under the bar that saves. */
  editor.addEventListener("keyup", (event) => {
    if (event.key === "Tab" && !event.target.closest(".save-bar")) event.target.scrollIntoView({ block: "nearest" });
  });
  const saved = state();
  const mirror = document.createElement("textarea");
  const opened = new URLSearchParams(location.search).get("version");
  mirror.hidden = true;
  mirror.dataset.draft = opened ? `prompt-${opened}` : "prompt";
  mirror.dataset.draftBase = editor.elements.base_version.value;
  mirror.defaultValue = saved;
  let mirroring = false;
  mirror.addEventListener("input", () => { if (!mirroring) show(mirror.value); });
  function mirrorNow() {
    mirroring = true;
    mirror.value = state();
    mirror.dispatchEvent(new Event("input"));
    mirroring = false;
    tellUnsaved("unsaved" in editor.dataset || mirror.value !== saved);
  }
  editor.addEventListener("input", (event) => { if (event.target !== mirror) mirrorNow(); });
  editor.addEventListener("change", (event) => { if (event.target !== mirror) mirrorNow(); });
  editor.querySelector("fieldset").prepend(mirror);
  mirror.dispatchEvent(new CustomEvent("llmops:added", { bubbles: true }));
  if ("unsaved" in editor.dataset) {
    mirror.defaultValue = "";
    mirrorNow();
  }
  number();

  /* -- Try it: the fields stand in the form that streams, and the text of the editor goes along -- */
  const tryForm = document.getElementById("try");
  whenPresent("[data-try-field]", (element) => element.removeAttribute("form"));
  tryForm.addEventListener("formdata", (event) => {
    for (const [name, value] of new FormData(editor)) event.formData.append(name, value);
  });

  /* An open preview follows what is typed. */
  const preview = tryForm.querySelector("[data-preview]");
  let soon = 0;
  function follow() {
    clearTimeout(soon);
    soon = setTimeout(() => { if (preview.open) window.htmx.trigger(preview, "preview"); }, 300);
  }
  if (preview) for (const form of [editor, tryForm]) form.addEventListener("input", follow);

  /* What was typed for the variables stays in this tab, so that saving or reloading does not lose it. */
  const KEY = `llmops:values:${document.body.dataset.user}:${location.pathname}`;
  let values = {};
  try { values = JSON.parse(sessionStorage.getItem(KEY)) || {}; } catch { values = {}; }
  whenPresent("[data-value]", (area) => {
    if (area.value === "" && values[area.dataset.value]) {
      area.value = values[area.dataset.value];
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  tryForm.addEventListener("input", (event) => {
    if (!event.target.dataset.value) return;
    values[event.target.dataset.value] = event.target.value;
    try { sessionStorage.setItem(KEY, JSON.stringify(values)); } catch { /* full: the text is still on the page */ }
  });
})();
