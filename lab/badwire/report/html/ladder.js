// The ladder on the page: it draws the chosen part of the story near the window, and shows details of what is clicked.
(() => {
  const story = JSON.parse(document.getElementById("story").textContent);
  const ladder = document.getElementById("ladder"), heads = document.getElementById("heads");
  if (!story || !ladder) return;
  // Arrows are saved as lists, since there may be thousands; null means no value.
  story.arrows = story.arrows.map(([number, sent, source, toward, delivered, label, tcpdump, fields, connection, again, lost_to, damaged]) => ({
    number, sent, source: story.hosts[source], toward: story.hosts[toward], delivered, label, tcpdump, fields, connection, again, lost_to, damaged,
  }));
  const AROUND = 800;  // px above and below the window that are drawn too
  const view = { which: null, zoom: 1, fold: true, chosen: null, judged: new Set() };
  let drawing = null;
  const clock = (ns, decimals = 6) => (ns / 1e9).toFixed(decimals);

  // The part of the story that is shown: everything, or one connection and what belongs to no connection.
  const shown = () => {
    const mine = (one) => view.which === null || one.connection === view.which;
    const arrows = story.arrows.filter(mine), bands = story.bands.filter(mine);
    if (view.which === null) return { arrows, bands, events: story.events, notes: story.notes, faults: story.faults };
    const first = arrows.length ? arrows[0].sent : Infinity, last = arrows.reduce((latest, one) => Math.max(latest, one.sent, ...one.delivered), 0);
    const near = (t) => t >= first - 1e9 && t <= last + 1e9;
    return {
      arrows, bands, events: story.events.filter((one) => one.connection === null ? near(one.began) : mine(one)), notes: story.notes.filter(([t]) => near(t)),
      faults: story.faults.filter((one) => near(one.began)),
    };
  };

  // The parts that are drawn only near the window, each with its position; texts come last, above all lines.
  const partsOf = (plan, end) => {
    const { where, heightOf } = plan, parts = [], texts = [];
    for (const each of plan.placed) {
      if (!each.shown) continue;
      const { rect, top, bottom } = drawBand(each, where, heightOf, end);
      parts.push({ top, bottom, make: () => rect.cloneNode(true) });
    }
    let lastTimed = -Infinity, lastTime = null;
    for (const moment of plan.moments) {
      if (moment.kind === "delivered") continue;
      const time = clock(moment.t, where.decimals), timed = moment.y - lastTimed >= LINE && time !== lastTime;
      if (timed) { lastTimed = moment.y; lastTime = time; }
      const at = moment.kind === "sent" ? plan.arrows.get(moment.one) : null, top = moment.y - 24;
      const bottom = at ? Math.max(...at.ends) + 12 : moment.y + 12;
      if (at) parts.push({ top, bottom, make: () => drawArrow(moment.one, at, where, view) });
      texts.push({ above: true, top, bottom, make: () => {
        const group = made("g");
        if (timed) group.append(made("text", { class: "time", x: where.gutter - 11, y: moment.y + 4, "text-anchor": "end" }, time));
        if (at && at.label && at.label.text) group.append(drawLabel(moment.one, at.label, view));
        if (at && at.lost) group.append(drawFate(moment.one, at, where, view));
        if (at) return group;
        if (moment.kind === "state") group.append(drawState(moment, where));
        else if (moment.kind === "note") group.append(drawNote(moment, where));
        else if (moment.kind === "fault") group.append(drawFault(moment, where));
        else group.append(drawEvent(moment, where, heightOf));
        return group;
      } });
    }
    return [...parts, ...texts];
  };

  const drawHeads = (where, hidden, y) => story.hosts.map((host) => {
    const group = made("g"), x = where.x.get(host), many = hidden.get(host);
    const room = Math.floor((where.step || where.width) / LETTER_OF_A_HEAD) - 1;
    group.append(made("text", { class: "host", x, y, "text-anchor": "middle" }, fitting(host, "", room)), made("title", {}, host));
    if (many && y > 20) group.append(made("text", { class: "quiet", x, y: y + 15, "text-anchor": "middle" }, where.narrow ? `+${many}` : `${many} more socket${many > 1 ? "s" : ""}`));
    return group;
  });

  // The picture from one height to another, with the parts that are always drawn.
  const frame = (plan, top, bottom) => {
    const { where } = plan, svg = made("svg", { width: where.width, height: bottom - top, viewBox: `0 ${top} ${where.width} ${bottom - top}` });
    for (const fold of plan.folds) svg.append(drawFold(fold, where));
    for (const x of where.x.values()) svg.append(made("line", { class: "life", x1: x, y1: 44, x2: x, y2: plan.height - 20 }));
    svg.append(...drawHeads(where, plan.hidden, 24));
    return svg;
  };

  const draw = () => {
    const plan = laidOut(story, shown(), view, ladder.clientWidth || 900), svg = frame(plan, 0, plan.height), moving = made("g"), above = made("g");
    svg.append(moving, above);
    ladder.replaceChildren(svg);
    heads.replaceChildren(...drawHeads(plan.where, plan.hidden, 16));
    heads.setAttribute("width", plan.where.width);
    drawing = { svg, moving, above, parts: partsOf(plan, plan.height - 20), present: new Map() };
    drawNear();
  };

  const drawSheets = () => {
    const plan = laidOut(story, shown(), view, PAGE.width);
    drawing = null;
    ladder.replaceChildren(...sheetsOf(plan, partsOf(plan, plan.height - 20), frame));
  };

  // Only parts near the window are in the document, since thousands of arrows would make it slow.
  const drawNear = () => {
    if (!drawing) return;
    const bounds = drawing.svg.getBoundingClientRect(), top = -bounds.top - AROUND, bottom = window.innerHeight - bounds.top + AROUND;
    drawing.parts.forEach((part, n) => {
      const near = part.bottom >= top && part.top <= bottom, present = drawing.present.get(n);
      if (near && !present) { const group = part.make(); (part.above ? drawing.above : drawing.moving).append(group); drawing.present.set(n, group); }
      if (!near && present) { present.remove(); drawing.present.delete(n); }
    });
    heads.classList.toggle("away", bounds.top > 0);
    heads.style.transform = `translateX(${-ladder.scrollLeft}px)`;
  };

  const detail = document.getElementById("detail"), body = document.getElementById("detail-body");
  const paragraph = (text) => { const element = document.createElement("p"); element.textContent = text; return element; };
  const showDetail = (lines, rows) => {
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
    for (const group of ladder.querySelectorAll(".arrow")) group.classList.toggle("chosen", Number(group.dataset.number) === number);
    const delivered = one.delivered.length ? one.delivered.map((t) => `${clock(t)} s (after ${lasted(t - one.sent)})`).join(" and ") : `never: ${one.lost_to || "lost"}`;
    const lines = [one.tcpdump, `sent by ${one.source} at ${clock(one.sent)} s; delivered to ${one.toward} at ${delivered}`];
    const first = one.again === null ? null : story.arrows.find((arrow) => arrow.number === one.again);
    if (first) lines.push(`sent again; the original was sent ${lasted(one.sent - first.sent)} earlier, at ${clock(first.sent)} s`);
    if (one.damaged) lines.push("what was delivered differs from what was sent");
    showDetail(lines, story.fields.map((name, n) => [name, one.fields[n]]).filter(([, value]) => value !== null));
  };

  ladder.addEventListener("click", (click) => {
    const arrow = click.target.closest("[data-number]"), event = click.target.closest(".event");
    if (arrow) choose(Number(arrow.dataset.number));
    else if (event && event.event) {
      const one = event.event, took = one.ended > one.began ? `, returned after ${lasted(one.ended - one.began)}` : "";
      showDetail([one.text, `${one.host} at ${clock(one.began)} s${took}`], []);
    }
  });
  ladder.addEventListener("mouseover", (over) => {
    const arrow = over.target.closest("[data-number]");
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

  // While a claim is open, the frames that it was judged on are highlighted.
  for (const claim of document.querySelectorAll(".claim")) {
    claim.addEventListener("toggle", () => {
      const open = [...document.querySelectorAll(".claim[open]")];
      view.judged = new Set(open.flatMap((one) => (story.judged || {})[one.dataset.claim] || []));
      draw();
    });
  }

  const soon = (act) => {
    let waiting = false;
    return () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; act(); }); } };
  };
  const near = soon(drawNear);
  window.addEventListener("scroll", near, { passive: true });
  window.addEventListener("resize", near);
  ladder.addEventListener("scroll", near, { passive: true });
  let width = ladder.clientWidth;
  new ResizeObserver(soon(() => { if (drawing && ladder.clientWidth !== width) { width = ladder.clientWidth; draw(); } })).observe(ladder);
  window.addEventListener("beforeprint", drawSheets);
  window.addEventListener("afterprint", draw);
  draw();
})();
