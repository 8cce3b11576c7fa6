/* <time data-ago>: kept current; <time data-day>: a day. The exact time is shown in the reader's own zone. */
(function () {
  "use strict";
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
  const steps = [[60, 1, "second"], [3600, 60, "minute"], [86_400, 3600, "hour"], [30 * 86_400, 86_400, "day"]];

  function say(element) {
    const then = new Date(element.dateTime);
    const seconds = (Date.now() - then) / 1000;
    const size = Math.abs(seconds);
    element.title = exact.format(then);
    if (size < 10) { element.textContent = "just now"; return; }
    const step = steps.find(([limit]) => size < limit);
    if (!step) return;
    const many = Math.floor(size / step[1]);
    const words = `${many} ${step[2]}${many === 1 ? "" : "s"}`;
    const text = seconds > 0 ? `${words} ago` : `in ${words}`;
    if (element.textContent !== text) element.textContent = text;
  }
  window.llmops.whenPresent("time[data-ago]", say);
  window.llmops.whenPresent("time[data-day]", (element) => {
    const then = new Date(element.dateTime);
    element.title = exact.format(then);
    element.textContent = day.format(then);
  });
  setInterval(() => {
    if (!document.hidden) for (const element of document.querySelectorAll("time[data-ago]")) say(element);
  }, 15_000);
})();
