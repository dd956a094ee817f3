// Makes finished pages live: values, states and logs follow the bridge, forms are
// sent without a new page. Without it everything works by pressing buttons.
(() => {
  "use strict";
  const body = document.body, base = body.dataset.base, token = document.querySelector('meta[name="form-token"]').content;
  const $ = (s, all) => all ? [...document.querySelectorAll(s)] : document.querySelector(s);
  const esc = s => CSS.escape(s);
  document.documentElement.classList.add("js");
  const said = $("#said");
  const say = text => { if (said) { said.textContent = ""; setTimeout(() => { said.textContent = text; }, 50); } };
  const put = (el, text) => { if (el && el.textContent !== text) el.textContent = text; };

  // Times are those of the reader.
  const lang = document.documentElement.lang;
  const rel = window.Intl && Intl.RelativeTimeFormat ? new Intl.RelativeTimeFormat(lang, {style: "short"}) : null;
  let skew = 0;
  const ages = () => {
    const now = Date.now() + skew;
    for (const t of $("time[data-age]", true)) {
      const at = Date.parse(t.dateTime);
      if (!at || !rel) continue;
      const s = Math.max(0, Math.round((now - at) / 1000));
      put(t, s < 60 ? rel.format(-s, "second") : s < 3600 ? rel.format(-Math.round(s / 60), "minute") : s < 172800 ? rel.format(-Math.round(s / 3600), "hour") : rel.format(-Math.round(s / 86400), "day"));
      t.title = new Date(at).toLocaleString(lang);
    }
  };
  const clock = t => { put(t, new Date(t.dateTime).toLocaleTimeString(lang)); };
  $("time[data-clock]", true).forEach(clock);
  ages();
  setInterval(ages, 5000);

  // Chips: word, colour and symbol together.
  const word = (attr, key) => $(`#words [${attr}="${esc(key)}"]`);
  const chip = (el, w) => {
    if (!el || !w || el.querySelector("span").textContent === w.textContent) return false;
    el.className = el.className.replace(/\b(is|t)-\S+/, w.dataset.class);
    el.querySelector("use").setAttribute("href", "#i-" + w.dataset.icon);
    put(el.querySelector("span"), w.textContent);
    return true;
  };

  // A control that somebody holds is left alone until they let go.
  const later = new Map();
  const control = (form, v) => {
    if (form.contains(document.activeElement) && form.dataset.widget !== "switch") { later.set(form, v); return; }
    const raw = v.value === null ? "" : v.value;
    switch (form.dataset.widget) {
    case "switch": {
      const b = form.querySelector("[role=switch]"), w = form.querySelector("[data-word]");
      if (!b) { sync(); return; } // its value was not known until now
      const on = raw.toUpperCase() === "ON";
      b.setAttribute("aria-checked", on);
      b.value = on ? "OFF" : "ON";
      put(w, on ? w.dataset.on : w.dataset.off);
      break;
    }
    case "colour": {
      const p = raw.split(",").map(Number);
      if (p.length === 3) form.querySelector("[name=value]").value = "#" + p.map(n => n.toString(16).padStart(2, "0")).join("");
      break;
    }
    case "buttons": break;
    default: {
      const f = form.querySelector("[name=value]");
      f.value = raw;
      put(form.querySelector("output"), v.text);
    }
    }
  };
  document.addEventListener("focusout", e => {
    const form = e.target.closest && e.target.closest("form[data-control]");
    if (form && later.has(form)) setTimeout(() => {
      const v = later.get(form);
      if (v && !form.contains(document.activeElement)) { later.delete(form); control(form, v); }
    }, 0);
  });

  // The overview and the lists of problems are taken anew, part by part.
  let syncing = 0;
  const sync = () => {
    clearTimeout(syncing);
    syncing = setTimeout(async () => {
      try {
        const answer = await fetch(location.href);
        if (!answer.ok) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const el of $("[data-sync]", true)) {
          const other = fresh.querySelector(`[data-sync="${esc(el.dataset.sync)}"]`);
          if (!other || el.dataset.step !== other.dataset.step) { location.reload(); return; }
          if (el.innerHTML === other.innerHTML) continue;
          const held = document.activeElement;
          if (el.contains(held) && held.matches("input, select, textarea") || el.querySelector(".busy")) continue;
          el.replaceChildren(...document.adoptNode(other).childNodes);
        }
        document.title = fresh.title;
        ages();
        arm();
      } catch (_) { /* the next one brings it */ }
    }, 300);
  };

  let way = null; // of the one device that the page shows
  const handle = {
    value(v) {
      const key = `${v.did}/${v.entity}/${v.role}`;
      for (const el of $(`[data-value="${esc(key)}"]`, true)) put(el, v.text || "–");
      for (const el of $(`[data-control="${esc(key)}"]`, true)) control(el, v);
    },
    device(d) {
      let turned = false;
      for (const el of $(`[data-state-of="${esc(d.id)}"]`, true)) turned = chip(el, word("data-state", d.state)) || turned;
      for (const el of $(`[data-route-of="${esc(d.id)}"]`, true)) chip(el, word("data-route", d.route));
      for (const el of $(`[data-main-of="${esc(d.id)}"]`, true)) put(el, d.main || "–");
      for (const el of $(`[data-seen-of="${esc(d.id)}"]`, true)) if (d.last_seen) el.dateTime = d.last_seen;
      if ($("[data-sync=ways]") && (turned || d.route !== way)) { way = d.route; sync(); }
      ages();
    },
    devices() { const b = $("#changed"); if (b) b.hidden = false; else sync(); },
    overview: sync,
    problem(p) { say(p.text); sync(); },
    check: sync,
    login: sync,
    log(l) {
      const log = $("#log"), levels = ["trace", "debug", "info", "warn", "error"];
      if (!log || paused) return;
      if (levels.indexOf(l.level) < levels.indexOf(log.dataset.level) || log.dataset.device && l.did !== log.dataset.device) return;
      if (log.dataset.text && !`${l.text} ${l.fields || ""} ${l.did || ""}`.toLowerCase().includes(log.dataset.text.toLowerCase())) return;
      const p = document.createElement("p"), t = document.createElement("time"), b = document.createElement("b");
      p.className = "line l-" + l.level;
      t.dateTime = l.at; clock(t); b.textContent = l.level;
      p.append(t, " ", b, " ");
      if (l.did) { const a = document.createElement("a"); a.href = base + "devices/" + encodeURIComponent(l.did); a.textContent = l.did; p.append(a, " "); }
      p.append(l.text);
      if (l.fields) { const f = document.createElement("span"); f.className = "muted"; f.textContent = " " + l.fields; p.append(f); }
      const end = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
      log.append(p);
      while (log.children.length > 2000) log.firstChild.remove();
      if (end) log.scrollTop = log.scrollHeight;
    },
  };

  // Being live, and saying so.
  const live = $("#live");
  let source = null, polling = 0, mark = body.dataset.mark, hello = 0, since = null;
  const show = (state, text) => {
    if (!live) return;
    live.dataset.state = state;
    live.querySelector("use").setAttribute("href", state === "live" ? "#i-check" : "#i-warn");
    put(live.querySelector("span"), text);
  };
  const up = h => {
    clearTimeout(hello);
    since = null;
    if (h.now) skew = Date.parse(h.now) - Date.now();
    ages();
    if (h.version !== body.dataset.version) { show("lost", live.dataset.updated); return; }
    show("live", live.dataset.live);
  };
  const down = () => {
    since = since || new Date();
    show("lost", Date.now() - since < 6000 ? live.dataset.trying : live.dataset.lost + " " + since.toLocaleTimeString(lang, {hour: "2-digit", minute: "2-digit"}));
  };
  const query = () => `topics=${encodeURIComponent(body.dataset.topics)}&did=${encodeURIComponent(body.dataset.dids)}&since=${encodeURIComponent(mark)}`;
  const missed = () => { if (!document.activeElement || document.activeElement === body || document.activeElement.id === "main") location.reload(); else handle.devices(); };
  const ask = async () => {
    try {
      const r = await fetch(base + "api/v1/changes?" + query());
      if (!r.ok) throw r.status;
      const a = await r.json();
      mark = a.mark;
      up(a.hello);
      if (a.dropped) return missed();
      for (const e of a.events) if (handle[e.name]) handle[e.name](e.data);
    } catch (_) { down(); }
  };
  const poll = () => { if (source) { source.close(); source = null; } if (!polling) { ask(); polling = setInterval(ask, 5000); } };
  const start = () => {
    if (!body.dataset.topics || source || polling) return;
    if (!window.EventSource) return poll();
    hello = setTimeout(poll, 5000);
    source = new EventSource(base + "api/v1/events?" + query());
    source.addEventListener("hello", e => up(JSON.parse(e.data)));
    source.addEventListener("gap", e => { mark = e.lastEventId; missed(); });
    for (const name of Object.keys(handle)) source.addEventListener(name, e => { mark = e.lastEventId || mark; handle[name](JSON.parse(e.data)); });
    source.onerror = () => { down(); if (source && source.readyState === 2) { source.close(); source = null; setTimeout(start, 5000 + Math.random() * 10000); } };
  };
  const stop = () => { clearTimeout(hello); clearInterval(polling); polling = 0; if (source) { source.close(); source = null; } };
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(stop, 60000); else start();
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);

  // Orders without a new page.
  const send = async (form, submitter) => {
    const data = new URLSearchParams(new FormData(form));
    if (submitter && submitter.name) data.set(submitter.name, submitter.value);
    form.classList.add("busy");
    try {
      const r = await fetch(form.action, {method: "POST", body: data, headers: {"X-Form-Token": token}});
      const fresh = new DOMParser().parseFromString(await r.text(), "text/html");
      const note = fresh.querySelector("#order"), here = $("#order");
      if (!note || !here) { form.submit(); return; } // it asks once more
      here.replaceChildren(...document.adoptNode(note).childNodes);
      ages();
      const p = here.querySelector(".note");
      if (p) say(p.textContent);
      const key = form.dataset.control, again = key && fresh.querySelector(`[data-control="${esc(key)}"]`);
      if (again) restore(form, again);
    } catch (_) { down(); } finally { form.classList.remove("busy"); }
  };
  const restore = (form, fresh) => {
    const a = form.querySelector("[role=switch]"), b = fresh.querySelector("[role=switch]");
    if (a && b) control(form, {value: b.getAttribute("aria-checked") === "true" ? "ON" : "OFF", text: ""});
    const f = form.querySelector("select[name=value], input[name=value]"), g = fresh.querySelector("select[name=value], input[name=value]");
    if (f && g && f !== document.activeElement) f.value = g.value;
  };
  document.addEventListener("submit", e => {
    const form = e.target;
    if (!form.matches("form[data-control]")) return;
    e.preventDefault();
    send(form, e.submitter);
  });
  document.addEventListener("change", e => { if (e.target.matches("[data-auto]")) send(e.target.form); });
  document.addEventListener("input", e => {
    if (e.target.matches("input[type=range][data-auto]")) put(e.target.form.querySelector("output"), e.target.value + (e.target.dataset.unit ? " " + e.target.dataset.unit : ""));
  });

  setInterval(() => {
    for (const p of $("progress[data-left]", true)) if (p.value > 0) p.value -= 1;
    for (const b of $("[data-count]", true)) {
      const left = b.dataset.count = Math.max(0, b.dataset.count - 1);
      put(b, Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0"));
    }
  }, 1000);

  // The list is filtered while somebody types.
  const filter = $("[data-filter]");
  if (filter) {
    let wait = 0;
    filter.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(() => {
        const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const tr of $("tr[data-did]", true)) tr.hidden = !words.every(w => (tr.textContent + " " + tr.dataset.did).toLowerCase().includes(w));
      }, 150);
    });
  }

  // The log follows until somebody says stop.
  let paused = false;
  const follow = $("#follow");
  if (follow) {
    follow.hidden = false;
    follow.addEventListener("click", () => { paused = !paused; follow.setAttribute("aria-pressed", !paused); });
    const log = $("#log");
    log.scrollTop = log.scrollHeight;
  }
  const arm = () => { if (navigator.clipboard) for (const b of $("[data-copy]", true)) b.hidden = false; };
  document.addEventListener("click", async e => {
    const b = e.target.closest("[data-copy]");
    if (!b) return;
    await navigator.clipboard.writeText($("#" + b.dataset.copy).textContent);
    say(b.textContent.trim() + " ✓");
  });
  arm();
  start();
})();
