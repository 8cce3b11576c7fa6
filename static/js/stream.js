/* form[data-stream="answer-id"]: sends the form and shows the answer while it arrives.
   The server sends one JSON object per event, as text/event-stream ("data: {...}") or application/x-ndjson (one per line):
     {"piece": "text"}           appended to #answer-id, always as text
     {"facts": "1.9 s · $0.004"} shown in [data-stream-facts] when the answer is complete
     {"error": "what to do"}     shown in [data-stream-problem]; what has arrived stays
   Without JavaScript the form is posted and the server renders the same page with the answer in it. */
(function () {
  "use strict";
  const { whenPresent, announce } = window.llmops;

  async function* messages(response) {
    const events = (response.headers.get("Content-Type") || "").startsWith("text/event-stream");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? "\n\n" : value.replaceAll("\r\n", "\n");
      const parts = rest.split(events ? "\n\n" : "\n");
      rest = parts.pop();
      for (const part of parts) {
        const text = events ? dataOf(part) : part.trim();
        if (text) yield JSON.parse(text);
      }
      if (done) return;
    }
  }
  function dataOf(block) {
    return block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
  }

  whenPresent("form[data-stream]", (form) => {
    const answer = document.getElementById(form.dataset.stream);
    const find = (name) => document.querySelector(`[data-stream-${name}="${form.dataset.stream}"]`);
    const facts = find("facts");
    const problem = find("problem");
    const stop = find("stop");
    let current = null;

    function waiting(is) {
      answer.setAttribute("aria-busy", String(is));
      for (const button of form.querySelectorAll("button:not([type='button'])")) button.disabled = is;
      if (stop) stop.hidden = !is;
    }
    function complain(text) {
      if (!problem) { window.llmops.toast(text, "error"); return; }
      (problem.querySelector("[data-text]") || problem).textContent = text;
      problem.hidden = false;
    }

    stop?.addEventListener("click", () => current?.abort());

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      current?.abort();
      const mine = new AbortController();
      current = mine;
      answer.textContent = "";
      if (facts) facts.textContent = "";
      if (problem) problem.hidden = true;
      const shown = answer.appendChild(document.createTextNode(""));
      let arrived = "";
      let drawing = 0;
      const draw = () => { drawing = 0; shown.appendData(arrived); arrived = ""; };
      const body = new FormData(form, event.submitter);
      waiting(true);
      try {
        const response = await fetch(form.action, {
          method: "POST",
          body,
          signal: mine.signal,
          headers: { Accept: "text/event-stream, application/x-ndjson", "X-Requested-With": "fetch" },
        });
        if (!/event-stream|ndjson/.test(response.headers.get("Content-Type") || "")) {
          complain(response.redirected
            ? "You have been signed out. Reload the page and sign in again."
            : "The server could not take this. Reload the page and try again.");
          return;
        }
        for await (const message of messages(response)) {
          if (typeof message.piece === "string") {
            arrived += message.piece;
            drawing ||= requestAnimationFrame(draw);
          }
          if (typeof message.facts === "string" && facts) facts.textContent = message.facts;
          if (typeof message.error === "string") complain(message.error);
        }
        announce("The answer is complete.");
      } catch (error) {
        if (error.name === "AbortError") { if (facts && current === mine) facts.textContent = "Stopped."; }
        else complain("The connection was lost before the answer was complete. Try again.");
      } finally {
        if (drawing) cancelAnimationFrame(drawing);
        draw();
        if (current === mine) { current = null; waiting(false); }
      }
    });
  });
})();
