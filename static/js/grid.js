/* form [data-grid]: a table of text fields that takes a paste from a spreadsheet.
   Progressive: without JavaScript it is the plain formset that the server rendered.
   Expects, inside one form: <table data-grid> with <tbody> rows of fields, <template data-grid-row> with __prefix__ for the
   row's number, the formset's <input name="...-TOTAL_FORMS">, and maybe <button data-grid-add>, <button data-grid-remove> in a row,
   and <button data-grid-undo> for the last paste. */
(function () {
  "use strict";
  const { whenPresent, announce } = window.llmops;

  /* Tab-separated text as spreadsheets copy it: cells with line breaks or tabs are quoted, quotes doubled. */
  function parseCells(text) {
    const rows = [[]];
    let cell = "";
    let quoted = false;
    const source = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
    for (let at = 0; at < source.length; at += 1) {
      const char = source[at];
      if (quoted) {
        if (char === '"' && source[at + 1] === '"') { cell += '"'; at += 1; }
        else if (char === '"') quoted = false;
        else cell += char;
      } else if (char === '"' && cell === "" && closes(source, at)) quoted = true;
      else if (char === "\t" || char === "\n") {
        rows.at(-1).push(cell);
        cell = "";
        if (char === "\n") rows.push([]);
      } else cell += char;
    }
    rows.at(-1).push(cell);
    return rows;
  }
  /* A quote opens a quoted cell only when its partner ends one; else it is a quotation mark that someone wrote. */
  function closes(source, from) {
    for (let at = from + 1; at < source.length; at += 1) {
      if (source[at] !== '"') continue;
      if (source[at + 1] === '"') { at += 1; continue; }
      return at + 1 === source.length || source[at + 1] === "\t" || source[at + 1] === "\n";
    }
    return false;
  }

  const FIELDS = "textarea, input[type='text']";
  const fieldsOf = (row) => [...row.querySelectorAll(FIELDS)];

  whenPresent("[data-grid]", (table) => {
    const body = table.tBodies[0];
    const form = table.closest("form");
    const shape = form.querySelector("template[data-grid-row]");
    const total = form.querySelector("input[name$='-TOTAL_FORMS']");
    const undo = form.querySelector("[data-grid-undo]");
    const rows = () => [...body.rows].filter((row) => !row.hidden);
    const headings = [...table.tHead.rows[0].cells].map((cell) => (cell.dataset.column || cell.textContent).trim().toLowerCase());
    let before = null;

    /* Where rows are cards, one empty one is enough to begin with. */
    if (table.matches(".grid-table") && window.matchMedia("(max-width: 640px)").matches) {
      for (const row of [...body.rows].slice(1).reverse()) {
        if (fieldsOf(row).some((field) => field.value)) break;
        row.remove();
        total.value = body.rows.length;
      }
    }

    function addRow() {
      const number = Number(total.value);
      const holder = document.createElement("tbody");
      holder.append(shape.content.cloneNode(true));
      const row = holder.rows[0];
      for (const element of row.querySelectorAll("[name], [id], [for], [aria-label]")) {
        for (const name of ["name", "id", "for", "aria-label"]) {
          const value = element.getAttribute(name);
          if (value) element.setAttribute(name, value.replaceAll("__prefix__", name === "aria-label" ? number + 1 : number));
        }
      }
      body.append(row);
      total.value = number + 1;
      row.dispatchEvent(new CustomEvent("llmops:added", { bubbles: true }));
      return row;
    }

    function fill(start, cells) {
      const allRows = rows();
      const top = allRows.findIndex((row) => row.contains(start));
      const left = fieldsOf(allRows[top]).indexOf(start);
      before = { count: allRows.length, changed: [] };
      cells.forEach((line, down) => {
        const row = rows()[top + down] || addRow();
        const fields = fieldsOf(row);
        line.forEach((text, right) => {
          const field = fields[left + right];
          if (!field) return;
          before.changed.push([field, field.value]);
          field.value = text;
          field.dispatchEvent(new Event("input", { bubbles: true }));
        });
      });
      const lost = Math.max(...cells.map((line) => line.length)) + left - fieldsOf(rows()[0]).length;
      if (undo) undo.hidden = false;
      announce(`Pasted ${cells.length} ${cells.length === 1 ? "row" : "rows"}.`);
      if (lost > 0) {
        const many = lost === 1 ? "One column was" : `${lost} columns were`;
        window.llmops.toast(`${many} left out: the table has no room at the right.`, "error");
      }
    }

    body.addEventListener("paste", (event) => {
      if (!event.target.matches(FIELDS)) return;
      const text = event.clipboardData.getData("text/plain");
      let cells = parseCells(text);
      if (cells.length === 1 && cells[0].length === 1) return;
      if (!text.includes("\t") && !event.clipboardData.types.includes("text/html")) {
        if (fieldsOf(rows()[0]).length > 1) return;
      }
      event.preventDefault();
      const names = cells[0].map((cell) => cell.trim().toLowerCase());
      if (cells.length > 1 && names.every((name) => headings.includes(name))) cells = cells.slice(1);
      fill(event.target, cells);
    });

    body.addEventListener("keydown", (event) => {
      if (!event.target.matches(FIELDS)) return;
      const all = rows();
      const at = all.findIndex((row) => row.contains(event.target));
      const column = fieldsOf(all[at]).indexOf(event.target);
      if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey && !event.isComposing) {
        event.preventDefault();
        fieldsOf(all[at + 1] || addRow())[column].focus();
      } else if (event.key === "Tab" && !event.shiftKey) {
        const last = at === all.length - 1 && column === fieldsOf(all[at]).length - 1;
        if (!last || fieldsOf(all[at]).every((field) => !field.value.trim())) return;
        event.preventDefault();
        fieldsOf(addRow())[0].focus();
      } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.target.value.includes("\n") && !event.shiftKey) {
        const row = all[at + (event.key === "ArrowDown" ? 1 : -1)];
        if (row) { event.preventDefault(); fieldsOf(row)[column].focus(); }
      }
    });

    form.querySelector("[data-grid-add]")?.addEventListener("click", () => fieldsOf(addRow())[0].focus());
    undo?.addEventListener("click", () => {
      if (!before) return;
      for (const [field, value] of before.changed) field.value = value;
      for (const row of rows().slice(before.count)) clear(row);
      before = null;
      undo.hidden = true;
      announce("The paste was undone.");
    });
    /* The numbers of a formset must stay without gaps, so a row that is taken away stays, empty and hidden. */
    function clear(row) {
      for (const field of fieldsOf(row)) field.value = "";
      const mark = row.querySelector("input[name$='-DELETE']");
      if (mark) mark.type === "checkbox" ? (mark.checked = true) : (mark.value = "on");
      row.hidden = true;
    }
    body.addEventListener("click", (event) => {
      const button = event.target.closest("[data-grid-remove]");
      if (!button) return;
      const row = button.closest("tr");
      const near = rows()[rows().indexOf(row) + 1] || rows()[rows().indexOf(row) - 1];
      clear(row);
      form.dispatchEvent(new Event("input", { bubbles: true }));
      fieldsOf(near || addRow())[0].focus();
    });
  });
})();
