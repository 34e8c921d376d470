(() => {
  const body = document.body, sign = document.getElementById("connection");
  if (!body.dataset.live) return;
  const say = text => { if (sign && sign.textContent !== text) sign.textContent = text; };
  const put = (id, html) => {
    const old = document.getElementById(id);
    if (!old) return;
    const focus = old.contains(document.activeElement) ? document.activeElement.id : "";
    const kept = [...old.querySelectorAll("details[id],input[id],[data-scroll]")].map(e =>
      [e.id, e.open, e.checked, e.scrollTop, e.scrollLeft, e.scrollHeight - e.clientHeight - e.scrollTop < 8]);
    old.innerHTML = html;
    for (const [id, open, checked, top, left, end] of kept) {
      const e = document.getElementById(id);
      if (!e) continue;
      if (e.tagName === "DETAILS") e.open = open;
      if (e.tagName === "INPUT") e.checked = checked;
      if (e.dataset.scroll !== undefined) { e.scrollLeft = left; e.scrollTop = end ? e.scrollHeight : top; }
    }
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  };
  let source, ended = false;
  const stop = () => { source?.close(); source = undefined; };
  const start = () => {
    if (source || ended || document.hidden) return;
    source = new EventSource(body.dataset.live);
    source.onopen = () => say("live");
    source.onerror = () => say(source?.readyState === EventSource.CLOSED ? "disconnected: reload to continue" : "connecting…");
    source.addEventListener("parts", e => { for (const [id, html] of Object.entries(JSON.parse(e.data))) put(id, html); });
    source.addEventListener("end", () => { stop(); say("ended"); ended = true; });
  };
  document.addEventListener("visibilitychange", () => document.hidden ? stop() : start());
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  start();
  for (const e of document.querySelectorAll("[data-scroll]")) e.scrollTop = e.scrollHeight;
})();
