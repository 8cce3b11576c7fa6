/* Native <dialog>, <details> menus, and Escape, which also closes the side panel: what the elements do not do by themselves. */
(function () {
  "use strict";

  /* data-dialog="id" opens a dialog; on a link it replaces the page that would ask the same without JavaScript. */
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (dialog instanceof HTMLDialogElement) {
        event.preventDefault();
        opener.closest("details.menu")?.removeAttribute("open");
        dialog.showModal();
      }
    }
    if (event.target instanceof HTMLDialogElement && event.target.open && outside(event.target, event)) {
      event.target.close();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  /* A menu that holds a form is opened to type into it. */
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.save-view[open]")) event.target.querySelector("input:not([type=hidden])")?.focus();
  }, true);
  function outside(element, event) {
    const box = element.getBoundingClientRect();
    return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      return;
    }
    if (event.target.matches("input, textarea, select")) {
      event.target.closest(".panel")?.focus();  /* out of the field first: what was typed is not lost by one key */
      return;
    }
    document.querySelector("[data-panel-close]")?.click();
  });
})();
