/* Keeps an open page live: the server sends the sections of its view, those that differ take the place of the old. */
"use strict";
(() => {
  const view = document.getElementById("view");
  const live = document.getElementById("live");
  const state = document.getElementById("state");
  const read = document.getElementById("read");
  const spoken = document.getElementById("spoken");
  const shown = new Map();
  let source = null;

  const say = (kind, text) => {
    live.className = `live ${kind}`;
    if (state.textContent !== text) state.textContent = text;
  };

  /* What a reader has opened, scrolled to or is at, so that a section that is replaced keeps it. */
  const kept = (section) => ({
    open: [...section.querySelectorAll("details")].map((one) => one.open),
    scrolled: [...section.querySelectorAll("pre")].map((one) => [one.scrollTop, one.scrollTop + one.clientHeight >= one.scrollHeight - 2]),
    at: [...section.querySelectorAll("a, summary, pre")].indexOf(document.activeElement),
  });
  const restore = (section, before) => {
    section.querySelectorAll("details").forEach((one, n) => { one.open = before.open[n] || false; });
    section.querySelectorAll("pre").forEach((one, n) => {
      const [top, end] = before.scrolled[n] || [0, true];
      one.scrollTop = end ? one.scrollHeight : top;
    });
    const at = section.querySelectorAll("a, summary, pre")[before.at];
    if (at) at.focus({ preventScroll: true });
  };

  const replace = (text) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = text;
    const sections = [...fresh.content.querySelectorAll("section")];
    const names = new Set(sections.map((one) => one.id));
    const selected = String(document.getSelection() || "");
    for (const old of [...view.querySelectorAll(":scope > section")]) if (!names.has(old.id)) { shown.delete(old.id); old.remove(); }
    sections.forEach((one, n) => {
      const old = document.getElementById(one.id);
      if (old && (shown.get(one.id) === one.outerHTML)) return;
      if (old && selected && document.getSelection().containsNode(old, true)) return;
      shown.set(one.id, one.outerHTML);
      if (!old) { view.insertBefore(one, view.children[n] || null); return; }
      const before = kept(old);
      old.replaceWith(one);
      restore(one, before);
    });
    const verdict = document.getElementById("verdict");
    const sentence = verdict ? verdict.textContent : "";
    if (sentence !== spoken.dataset.last) {
      if (spoken.dataset.last !== undefined) spoken.textContent = sentence;
      spoken.dataset.last = sentence;
    }
  };

  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(document.body.dataset.live);
    source.addEventListener("view", (event) => replace(event.data));
    source.addEventListener("read", (event) => { say("on", "Live."); read.textContent = `Read at ${event.data}.`; });
    source.addEventListener("error", () => {
      say("off", "The console does not answer; its end, or a break. The page tries again.");
      if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(open, 3000); }
    });
  };
  const close = () => { if (source) { source.close(); source = null; say("", "Paused while nobody looks."); } };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
