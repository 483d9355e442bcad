"use strict";
// The ladder: time runs down, a lifeline for each host, an arrow for each frame from when it was sent to when it was
// delivered. Everything is drawn from the story, with textContent and attributes only.
(() => {
  const story = JSON.parse(document.getElementById("story").textContent);
  const place = document.getElementById("ladder");
  if (!story || !place) return;
  // Thousands of arrows are kept as lists; null stands for nothing.
  story.arrows = story.arrows.map(([number, sent, source, toward, came, label, words, fields, connection, again, lost_to, damaged]) => ({
    number, sent, source: story.hosts[source], toward: story.hosts[toward], came, label, words, fields, connection, again, lost_to, damaged,
  }));

  const SVG = "http://www.w3.org/2000/svg";
  const FLIGHT = 34;        // px that the usual time from sent to delivered takes
  const QUIET = 96;         // px; what would take more is folded
  const FOLDED = 58;        // px of a folded time
  const UNFOLDED = 20000;   // px of a whole run that is drawn to scale
  const LEAST = { sent: 19, event: 16, came: 7, note: 22 };  // px to what stands above
  const AROUND = 800;       // px above and below the window that are drawn too
  const LANES = 4;          // sockets of one host side by side
  const STATES = {
    LISTEN: "#8a8f98", SYN_SENT: "#d59a1c", SYN_RECV: "#d59a1c", ESTABLISHED: "#3c9a63", FIN_WAIT_1: "#9a5fc4",
    FIN_WAIT_2: "#b58ad6", CLOSING: "#c74d6b", TIME_WAIT: "#4d86c9", CLOSE_WAIT: "#cc7a33", LAST_ACK: "#a65a2a",
    CLOSE: "#8a8f98",
  };
  const view = { which: null, zoom: 1, fold: true, chosen: null, judged: new Set() };
  let drawing = null;

  const made = (name, attributes = {}, text = null) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== null) element.textContent = text;
    return element;
  };

  const lasted = (ns) => {
    if (ns >= 60e9) {
      const seconds = Math.round(ns / 1e9), hours = Math.floor(seconds / 3600);
      return `${hours ? `${hours} h ` : ""}${Math.floor(seconds / 60) % 60} min ${seconds % 60} s`;
    }
    const [size, unit] = ns >= 1e9 ? [1e9, "s"] : ns >= 1e6 ? [1e6, "ms"] : [1e3, "µs"];
    return `${Number((ns / size).toPrecision(4))} ${unit}`;
  };
  const clock = (ns) => (ns / 1e9).toFixed(story.ended < 2e9 ? 6 : 3);

  // What is shown of the story: everything, or one connection and what belongs to no connection of its own.
  const shown = () => {
    const mine = (one) => view.which === null || one.connection === view.which;
    const arrows = story.arrows.filter(mine);
    const bands = story.bands.filter(mine);
    if (view.which === null || !arrows.length) return { arrows, bands, events: story.events, notes: story.notes };
    const first = arrows[0].sent, last = Math.max(...arrows.map((one) => Math.max(one.sent, ...one.came)));
    const near = (t) => t >= first - 1e9 && t <= last + 1e9;
    return {
      arrows, bands, events: story.events.filter((one) => near(one.began)), notes: story.notes.filter(([t]) => near(t)),
    };
  };

  const usualFlight = (arrows) => {
    const flights = arrows.flatMap((one) => one.came.map((t) => t - one.sent)).filter((ns) => ns > 0).sort((a, b) => a - b);
    return flights.length ? Math.max(flights[flights.length >> 1], 1e4) : 1e6;
  };

  // Each moment gets a height. Two moments of one time keep their order, and stand apart all the same.
  const laidOut = (what) => {
    const moments = [];
    for (const [t, text] of what.notes) moments.push({ t, order: -2, kind: "note", text });
    for (const one of what.events) moments.push({ t: one.began, order: -1, kind: "event", one });
    for (const one of what.arrows) {
      moments.push({ t: one.sent, order: 2 * one.number, kind: "sent", one });
      one.came.forEach((t, copy) => moments.push({ t, order: 2 * one.number + 1, kind: "came", one, copy }));
    }
    moments.sort((a, b) => a.t - b.t || a.order - b.order);
    const scale = view.fold ? FLIGHT / usualFlight(what.arrows) : UNFOLDED / Math.max(1, story.ended);
    const folds = [];
    let y = 64, before = moments.length ? moments[0].t : 0;
    for (const moment of moments) {
      const natural = (moment.t - before) * scale * view.zoom;
      if (view.fold && natural > QUIET * view.zoom) {
        folds.push({ y: y + 12, height: FOLDED - 24, ns: moment.t - before });
        y += FOLDED;
      } else {
        y += Math.max(LEAST[moment.kind], natural);
      }
      moment.y = y;
      before = moment.t;
    }
    return { moments, folds, height: y + 60 };
  };

  // The height of any time: on the line between the moments around it.
  const heights = (moments) => (t) => {
    let low = 0, high = moments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (moments[middle].t <= t) low = middle + 1; else high = middle;
    }
    if (!low) return moments.length ? moments[0].y - 14 : 64;
    const above = moments[low - 1], below = moments[low];
    if (!below) return above.y + 14;
    const part = (t - above.t) / Math.max(1, below.t - above.t);
    return above.y + Math.min(part * (below.y - above.y), below.y - above.y);
  };

  const columns = (width) => {
    const narrow = width < 760;
    const gutter = narrow ? 76 : 92, side = narrow ? 14 : Math.min(250, width * 0.2);
    const first = gutter + side, last = Math.max(width - side - 10, first + 150 * (story.hosts.length - 1));
    const step = story.hosts.length > 1 ? (last - first) / (story.hosts.length - 1) : 0;
    return { narrow, gutter, width: last + side + 10, x: new Map(story.hosts.map((host, n) => [host, first + n * step])), first, last };
  };

  const kindOf = (one) => {
    if (one.label.startsWith("RST")) return "reset";
    if (one.label.startsWith("FIN")) return "fin";
    return / bytes/.test(one.label) ? "data" : "control";
  };

  const drawArrow = (one, at, where) => {
    const lost = !one.came.length;
    const group = made("g", {
      class: `arrow ${kindOf(one)}${lost ? " lost" : ""}${one.again === null ? "" : " again"}`, tabindex: 0,
      "data-number": one.number, role: "button", "aria-label": `${one.source} to ${one.toward}: ${one.label}${lost ? ", lost" : ""}`,
    });
    if (view.chosen === one.number) group.classList.add("chosen");
    if (view.judged.size) group.classList.add(view.judged.has(one.number) ? "judged" : "dim");
    const from = where.x.get(one.source), to = where.x.get(one.toward), way = Math.sign(to - from) || 1;
    const ends = lost ? [at.sent + 9] : at.came.map((y) => Math.max(y, at.sent + 5));
    for (const y of ends) {
      const x = lost ? from + (to - from) * 0.62 : to - way * 7;
      group.append(made("line", { x1: from, y1: at.sent, x2: x, y2: y }));
      if (lost) {
        group.append(made("path", { class: "cross", d: `M${x - 5} ${y - 5}l10 10m0 -10l-10 10` }));
      } else {
        const slope = Math.atan2(y - at.sent, x - from) * 180 / Math.PI;
        group.append(made("path", { d: "M8 0L-3 -4.5L-3 4.5Z", transform: `translate(${x} ${y}) rotate(${slope})` }));
      }
      group.append(made("line", { class: "hit", x1: from, y1: at.sent, x2: x, y2: y }));
    }
    const words = one.label + (lost ? ` ✕ ${one.lost_to || "lost"}` : "") + (one.again === null ? "" : " ↺") + (one.damaged ? " damaged" : "");
    const wide = Math.abs(to - from);
    const shortened = words.length * 7.3 > wide - 30 ? `${words.slice(0, Math.max(4, Math.floor((wide - 30) / 7.3) - 1))}…` : words;
    const along = where.narrow ? 0.5 : Math.max(0.36, (shortened.length * 3.7 + 90) / wide);  // nearer to its sender: there they stand apart
    const part = Math.min(0.5, along);
    group.append(made("text", { class: "label", x: from + (to - from) * part, y: at.sent + (ends[0] - at.sent) * part - 4, "text-anchor": "middle" }, shortened));
    return group;
  };

  // A call's result is worth more than what it was given.
  const fitting = (text, most) => {
    if (text.length <= most) return text;
    const [given, result] = text.split(/ = (?=[^=]*$)/);
    const name = given.split("(")[0];
    if (result !== undefined && name.length + result.length + 6 <= most) {
      const rest = given.slice(name.length + 1, -1);
      return `${name}(…${rest.slice(rest.length - (most - name.length - result.length - 6))}) = ${result}`;
    }
    return `${text.slice(0, most - 1)}…`;
  };

  const drawEvent = (moment, where, height) => {
    const one = moment.one, x = where.x.get(one.host), left = x === where.first;
    const group = made("g", { class: `event${one.failed ? " failed" : ""}`, tabindex: 0, role: "button", "aria-label": `${one.host}: ${one.text}` });
    group.event = one;
    group.append(made("circle", { cx: x, cy: moment.y, r: 3.5 }));
    if (one.ended > one.began) group.append(made("line", { class: "life", x1: x, y1: moment.y, x2: x, y2: height(one.ended), "stroke-width": 4 }));
    group.append(made("title", {}, `${one.host}: ${one.text}`));
    if (!where.narrow) {
      const room = left ? where.first - where.gutter - 42 : where.width - where.last - 46;
      const shortened = fitting(one.text.split("\n")[0], Math.max(6, Math.floor(room / 7.3)));
      const inner = !left && x !== where.last;
      group.append(made("text", { class: inner ? "label" : "", x: left ? x - 40 : x + (inner ? 8 : 40), y: moment.y + 4, "text-anchor": left ? "end" : "start" }, shortened));
    }
    return group;
  };

  const lanesOf = (bands) => {
    const free = new Map();
    return bands.map((band) => {
      const lanes = free.get(band.host) || free.set(band.host, []).get(band.host);
      const ended = band.ended === null ? Infinity : band.ended, socket = `${band.local} ${band.remote}`;
      let lane = lanes.findIndex((one) => one.socket === socket);
      if (lane < 0) lane = lanes.findIndex((one) => one.until <= band.began);
      if (lane < 0) lane = lanes.length;
      lanes[lane] = { socket, until: ended };
      return { band, lane };
    });
  };

  const drawBand = ({ band, lane }, where, height, end, named) => {
    const x = where.x.get(band.host), way = x === where.last && story.hosts.length > 1 ? 1 : -1;
    const top = height(band.began), bottom = band.ended === null ? end : Math.max(height(band.ended), top + 3);
    const group = made("g", { class: "state" });
    const at = way > 0 ? x + 5 + lane * 9 : x - 13 - lane * 9;
    const box = made("rect", { class: "band", x: at, y: top, width: 8, height: bottom - top, fill: STATES[band.state] || "#888" });
    box.append(made("title", {}, `${band.host} ${band.local}${band.remote ? ` to ${band.remote}` : ""}: ${band.state}`));
    group.append(box);
    const taken = named.get(band.host) || named.set(band.host, []).get(band.host);
    if (bottom - top > 9 && !taken.some((y) => Math.abs(y - top) < 11)) {
      taken.push(top);
      const inward = way > 0 ? x - 6 : x + 6;
      group.append(made("text", { class: "label", x: inward, y: top + 10, "text-anchor": way > 0 ? "end" : "start", }, band.state));
    }
    group.span = [top, bottom];
    return group;
  };

  const draw = () => {
    const what = shown(), where = columns(place.clientWidth || 900), plan = laidOut(what), height = heights(plan.moments);
    const svg = made("svg", { width: where.width, height: plan.height, viewBox: `0 0 ${where.width} ${plan.height}` });
    const still = made("g"), moving = made("g");
    for (const host of story.hosts) {
      const x = where.x.get(host);
      still.append(made("line", { class: "life", x1: x, y1: 40, x2: x, y2: plan.height - 20 }));
      still.append(made("text", { class: "host", x, y: 24, "text-anchor": "middle" }, host));
    }
    for (const fold of plan.folds) {
      still.append(made("rect", { class: "fold", x: where.gutter - 20, y: fold.y, width: where.width - where.gutter + 12, height: fold.height, rx: 8 }));
      still.append(made("text", { class: "quiet", x: (where.first + where.last) / 2, y: fold.y + fold.height / 2 + 4, "text-anchor": "middle" }, `${lasted(fold.ns)} pass`));
    }
    const heightsOf = new Map();
    for (const moment of plan.moments) {
      if (moment.kind === "sent") heightsOf.set(moment.one, { sent: moment.y, came: [] });
      if (moment.kind === "came") heightsOf.get(moment.one).came[moment.copy] = moment.y;
    }
    const things = [], named = new Map();
    for (const each of lanesOf(what.bands)) {
      if (each.lane < LANES) { const group = drawBand(each, where, height, plan.height - 20, named); things.push({ top: group.span[0], bottom: group.span[1], make: () => group }); }
    }
    let told = -Infinity, toldTime = null;
    for (const moment of plan.moments) {
      if (moment.kind === "came") continue;
      const timed = moment.y - told >= 15 && clock(moment.t) !== toldTime;
      if (timed) { told = moment.y; toldTime = clock(moment.t); }
      const bottom = moment.kind === "sent" ? Math.max(moment.y, ...heightsOf.get(moment.one).came) + 12 : moment.y + 12;
      things.push({ top: moment.y - 14, bottom, make: () => {
        const group = made("g");
        if (timed) group.append(made("text", { class: "time", x: where.gutter - 26, y: moment.y + 4, "text-anchor": "end" }, clock(moment.t)));
        if (moment.kind === "sent") group.append(drawArrow(moment.one, heightsOf.get(moment.one), where));
        if (moment.kind === "event") group.append(drawEvent(moment, where, height));
        if (moment.kind === "note") {
          const line = made("g", { class: "note" });
          line.append(made("line", { x1: where.gutter - 20, y1: moment.y + 4, x2: where.width - 8, y2: moment.y + 4 }));
          line.append(made("text", { class: "label", x: where.gutter - 16, y: moment.y }, moment.text));
          group.append(line);
        }
        return group;
      } });
    }
    svg.append(still, moving);
    place.replaceChildren(svg);
    drawing = { svg, moving, things, there: new Map() };
    window_();
  };

  // Only what is near the window is in the document: thousands of arrows would make it slow.
  const window_ = (all = false) => {
    if (!drawing) return;
    const box = drawing.svg.getBoundingClientRect();
    const top = all ? -Infinity : -box.top - AROUND, bottom = all ? Infinity : window.innerHeight - box.top + AROUND;
    drawing.things.forEach((thing, n) => {
      const near = thing.bottom >= top && thing.top <= bottom, there = drawing.there.get(n);
      if (near && !there) { const group = thing.make(); drawing.moving.append(group); drawing.there.set(n, group); }
      if (!near && there) { there.remove(); drawing.there.delete(n); }
    });
  };

  const detail = document.getElementById("detail"), body = document.getElementById("detail-body");
  const paragraph = (text) => { const element = document.createElement("p"); element.textContent = text; return element; };
  const tell = (lines, rows) => {
    const table = document.createElement("table");
    for (const [name, value] of rows) {
      const row = table.insertRow(), head = document.createElement("th");
      head.textContent = name;
      row.append(head);
      row.insertCell().textContent = String(value);
    }
    body.replaceChildren(...lines.map(paragraph), table);
    detail.hidden = false;
  };
  const choose = (number) => {
    const one = story.arrows.find((arrow) => arrow.number === number);
    if (!one) return;
    view.chosen = number;
    for (const group of place.querySelectorAll(".arrow")) group.classList.toggle("chosen", Number(group.dataset.number) === number);
    const came = one.came.length ? one.came.map((t) => `${clock(t)} s (after ${lasted(t - one.sent)})`).join(" and ") : `never: ${one.lost_to || "lost"}`;
    const lines = [one.words, `sent by ${one.source} at ${clock(one.sent)} s; delivered to ${one.toward} at ${came}`];
    const first = one.again === null ? null : story.arrows.find((arrow) => arrow.number === one.again);
    if (first) lines.push(`sent again; the original was sent ${lasted(one.sent - first.sent)} before, at ${clock(first.sent)} s`);
    if (one.damaged) lines.push("what was delivered differs from what was sent");
    tell(lines, story.fields.map((name, n) => [name, one.fields[n]]).filter(([, value]) => value !== null));
  };

  place.addEventListener("click", (click) => {
    const arrow = click.target.closest(".arrow"), event = click.target.closest(".event");
    if (arrow) choose(Number(arrow.dataset.number));
    else if (event && event.event) {
      const one = event.event, took = one.ended > one.began ? `, returned after ${lasted(one.ended - one.began)}` : "";
      tell([one.text, `${one.host} at ${clock(one.began)} s${took}`], []);
    }
  });
  place.addEventListener("mouseover", (over) => {
    const arrow = over.target.closest(".arrow");
    if (arrow && matchMedia("(hover: hover)").matches) choose(Number(arrow.dataset.number));
  });
  document.addEventListener("keydown", (key) => {
    if (key.key === "Escape") detail.hidden = true;
    if ((key.key === "Enter" || key.key === " ") && key.target.closest && key.target.closest(".arrow, .event")) {
      key.preventDefault();
      key.target.closest(".arrow, .event").dispatchEvent(new MouseEvent("click", { bubbles: true }));
    }
  });
  document.getElementById("close").addEventListener("click", () => { detail.hidden = true; });

  const which = document.getElementById("which");
  const option = (text, value) => { const element = document.createElement("option"); element.textContent = text; element.value = value; which.append(element); };
  option("everything", "");
  story.connections.forEach((ends, n) => option(ends, n));
  which.addEventListener("change", () => { view.which = which.value === "" ? null : Number(which.value); draw(); });
  const zoom = (by) => { view.zoom = Math.min(16, Math.max(0.25, view.zoom * by)); draw(); };
  document.getElementById("closer").addEventListener("click", () => zoom(1.5));
  document.getElementById("farther").addEventListener("click", () => zoom(1 / 1.5));
  document.getElementById("fold").addEventListener("change", (change) => { view.fold = change.target.checked; draw(); });

  // What a claim was judged on stands out while the claim is open.
  for (const claim of document.querySelectorAll(".claim")) {
    claim.addEventListener("toggle", () => {
      const open = [...document.querySelectorAll(".claim[open]")];
      view.judged = new Set(open.flatMap((one) => (story.judged || {})[one.dataset.claim] || []));
      draw();
    });
  }

  let waiting = false;
  const soon = (act) => () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; act(); }); } };
  window.addEventListener("scroll", soon(() => window_()), { passive: true });
  let width = place.clientWidth;
  new ResizeObserver(soon(() => { if (place.clientWidth !== width) { width = place.clientWidth; draw(); } })).observe(place);
  window.addEventListener("beforeprint", () => window_(true));
  window.addEventListener("afterprint", () => window_());
  draw();
})();
