// Small conveniences; every page works without them.
(() => {
  "use strict";
  const words = document.documentElement.dataset;
  const pad = (n) => String(n).padStart(2, "0");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, k) => values[k] ?? "");

  // Countdowns: the server wrote the time left when it rendered; this keeps it true.
  const tone = (ms) => (ms < 0 ? "past" : ms < 72e5 ? "near" : ms < 864e5 ? "soon" : "calm");
  const count = () => {
    const now = Date.now();
    for (const el of document.querySelectorAll("[data-until]")) {
      const ms = Date.parse(el.dataset.until) - now;
      const s = Math.floor(Math.abs(ms) / 1000), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
      const time = d ? fill(words.days, { d, h }) : h ? fill(words.hours, { h, m: pad(m) }) : fill(words.minutes, { m, s: pad(s % 60) });
      const text = fill(ms < 0 ? words.over : words.left, { time });
      if (el.textContent !== text) el.textContent = text;
      el.className = "left " + tone(ms);
    }
  };
  count();
  setInterval(count, 1000);

  // Nothing typed is lost: a page with unsaved words asks before it goes, and live updates leave it alone.
  const dirty = new Set();
  document.addEventListener("input", (e) => {
    const form = e.target.closest("form");
    if (!form || form.closest(".menu")) return;
    dirty.add(form);
    const mark = form.querySelector(".dirty");
    if (mark) mark.hidden = false;
  });
  document.addEventListener("submit", (e) => {
    dirty.delete(e.target);
    for (const b of e.target.querySelectorAll("button")) setTimeout(() => { b.disabled = true; }, 0);
  });
  window.addEventListener("pageshow", () => { for (const b of document.querySelectorAll("button:disabled")) b.disabled = false; });
  window.addEventListener("beforeunload", (e) => {
    for (const form of dirty) if (form.isConnected && form.matches("[data-guard]")) e.preventDefault();
  });

  // An upload says how far it is; without scripts the browser does.
  const amount = (n) => { let i = 0; while (n >= 1000 && i < 4) { n /= 1000; i++; } return n.toFixed(n < 10 && i ? 1 : 0) + " " + ["B", "KB", "MB", "GB", "TB"][i]; };
  const lapse = (s) => (s >= 3600 ? fill(words.hours, { h: Math.floor(s / 3600), m: pad(Math.floor(s / 60) % 60) }) : fill(words.minutes, { m: Math.floor(s / 60), s: pad(Math.floor(s) % 60) }));
  const send = (form, file) => {
    const box = form.querySelector(".sending"), said = box.querySelector("p"), meter = box.querySelector("progress");
    const xhr = new XMLHttpRequest(), begun = Date.now();
    const over = (text) => {
      said.textContent = text;
      for (const b of form.querySelectorAll("button")) b.disabled = false;
    };
    form.elements.size.value = file.size;
    box.hidden = false;
    xhr.upload.onprogress = (e) => {
      const rate = e.loaded / Math.max(.2, (Date.now() - begun) / 1000);
      meter.value = 100 * e.loaded / e.total;
      said.textContent = e.loaded < e.total ? fill(box.dataset.sending, { done: amount(e.loaded), size: amount(e.total), rate: amount(rate), left: lapse((e.total - e.loaded) / rate) }) : box.dataset.taking;
    };
    xhr.onload = () => {
      if (xhr.status < 400 && xhr.responseURL) location.assign(xhr.responseURL);
      else over(xhr.response?.querySelector("form .flash.bad, .flash.bad, main h1")?.innerText ?? box.dataset.lost);
    };
    xhr.onerror = () => over(box.dataset.lost);
    xhr.responseType = "document";
    xhr.open("POST", form.action);
    xhr.send(new FormData(form));
  };
  document.addEventListener("submit", (e) => {
    const file = e.target.matches("[data-upload]") && e.target.querySelector("input[type=file]").files[0];
    if (!file) return;
    e.preventDefault();
    send(e.target, file);
  });

  // A recount says how far it is; without scripts the page comes back when it is done.
  const recount = async (form) => {
    const slot = document.getElementById("recounting"), meter = document.createElement("progress"), said = document.createElement("p");
    said.className = "quiet n";
    slot.replaceChildren(meter, said);
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/x-ndjson" } });
      if (!answer.ok) throw answer;
      const lines = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = "", shown = false; !shown;) {
        const { done, value } = await lines.read();
        if (done) throw answer;
        text += value;
        for (let at; (at = text.indexOf("\n")) >= 0; text = text.slice(at + 1)) {
          const told = JSON.parse(text.slice(0, at));
          if ((shown = "shown" in told)) { slot.innerHTML = told.shown; break; }
          meter.max = told.total;
          meter.value = told.done;
          said.textContent = fill(form.dataset.counted, { done: told.done.toLocaleString("en"), total: told.total.toLocaleString("en") });
        }
      }
    } catch {
      slot.textContent = form.dataset.lost;
    }
    for (const b of form.querySelectorAll("button")) b.disabled = false;
  };
  document.addEventListener("submit", (e) => {
    if (!e.target.matches("[data-recount]")) return;
    e.preventDefault();
    recount(e.target);
  });

  const busy = (region) => region.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, summary, button, a") ||
    [...dirty].some((form) => region.contains(form));
  const typing = (region) => [...dirty].some((form) => region.contains(form));
  document.addEventListener("htmx:oobBeforeSwap", (e) => {
    const region = e.detail.target, fresh = e.detail.fragment.querySelector("#" + CSS.escape(region.id)) ?? e.detail.fragment.firstElementChild;
    if (fresh) {
      for (const d of region.querySelectorAll("details[id]")) {
        const twin = fresh.querySelector("#" + CSS.escape(d.id));
        if (twin) twin.open = d.open;
      }
    }
    if (fresh && same(region, fresh)) { e.detail.shouldSwap = false; return; }
    if (typing(region)) {
      e.detail.shouldSwap = false;
      const note = document.getElementById("changed");
      note.textContent = words.changed;
      note.hidden = false;
    } else if (busy(region)) {
      e.detail.shouldSwap = false;
    }
  });
  document.addEventListener("htmx:oobAfterSwap", count);
  // A countdown alone is no change: the region is then left as it is, and screen readers stay silent.
  const plain = (el) => {
    const copy = el.cloneNode(true);
    for (const c of copy.querySelectorAll("[data-until]")) { c.textContent = ""; c.className = ""; }
    return copy.innerHTML.replace(/ class="htmx-[^"]*"| htmx-\w+/g, "");
  };
  const same = (a, b) => plain(a) === plain(b);
  document.addEventListener("htmx:beforeSwap", (e) => { if (e.detail.xhr.status === 401) location.reload(); });

  // A link to something folded away opens it.
  const reveal = () => {
    const at = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!at) return;
    if (at.tagName === "DETAILS") at.open = true;
    for (const d of at.querySelectorAll(":scope > details[id^='do-']")) d.open = true;
    for (let p = at.parentElement; p; p = p.parentElement) if (p.tagName === "DETAILS") p.open = true;
    at.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  reveal();
  document.addEventListener("click", (e) => {
    for (const d of document.querySelectorAll("details.me[open]")) if (!d.contains(e.target)) d.open = false;
  });
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") for (const d of document.querySelectorAll("details.me[open]")) { d.open = false; d.querySelector("summary").focus(); }
  });
})();
