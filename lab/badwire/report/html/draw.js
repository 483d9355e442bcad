// The parts of the ladder as SVG, with textContent and attributes only.
const SVG = "http://www.w3.org/2000/svg";
const STATES = {
  LISTEN: "listen", SYN_SENT: "opening", SYN_RECV: "opening", ESTABLISHED: "established", FIN_WAIT_1: "fin1", FIN_WAIT_2: "fin2",
  CLOSING: "closing", TIME_WAIT: "timewait", CLOSE_WAIT: "closewait", LAST_ACK: "lastack", CLOSE: "listen",
};

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

const kindOf = (one) => {
  if (one.label.startsWith("RST")) return "reset";
  if (one.label.startsWith("FIN")) return "fin";
  return / bytes?\b/.test(one.label) ? "data" : "control";
};

const drawArrow = (one, at, where, view) => {
  const group = made("g", {
    class: `arrow ${kindOf(one)}${at.lost ? " lost" : ""}${one.again === null ? "" : " again"}`, tabindex: 0,
    "data-number": one.number, role: "button", "aria-label": `${one.source} to ${one.toward}: ${one.label}${at.lost ? ", lost" : ""}`,
  });
  if (view.chosen === one.number) group.classList.add("chosen");
  if (view.judged.size) group.classList.add(view.judged.has(one.number) ? "judged" : "dim");
  const from = where.x.get(one.source), to = where.x.get(one.toward), way = Math.sign(to - from) || 1;
  for (const y of at.ends) {
    const x = at.lost ? crossOf(one, where) : to - way * 7;
    group.append(made("line", { x1: from, y1: at.sent, x2: x, y2: y }));
    if (at.lost) {
      group.append(made("path", { class: "cross", d: `M${x - 5} ${y - 5}l10 10m0 -10l-10 10` }));
    } else {
      const slope = Math.atan2(y - at.sent, x - from) * 180 / Math.PI;
      group.append(made("path", { d: "M8 0L-3 -4.5L-3 4.5Z", transform: `translate(${x} ${y}) rotate(${slope})` }));
    }
    group.append(made("line", { class: "hit", x1: from, y1: at.sent, x2: x, y2: y }));
  }
  return group;
};

// Texts are drawn above all arrows, so that no arrow makes one unreadable.
const textOf = (one, kind, at, text, view) => {
  const dim = view.judged.size && !view.judged.has(one.number);
  const kinds = `label${kind}${one.again === null ? "" : " again"}${dim ? " dim" : ""}`;
  return made("text", { class: kinds, "data-number": one.number, ...at }, text);
};

const drawLabel = (one, { text, x, y, turn }, view) => {
  const turned = turn ? { transform: `rotate(${turn.toFixed(2)} ${x} ${y})` } : {};
  return textOf(one, "", { x, y, "text-anchor": "middle", ...turned }, text, view);
};

const drawFate = (one, at, where, view) => {
  const from = where.x.get(one.source), to = where.x.get(one.toward), way = Math.sign(to - from) || 1;
  const room = Math.floor((Math.abs(to - from) * (1 - GONE) - 20) / LETTER);
  const anchor = { x: crossOf(one, where) + way * 12, y: at.ends[0] + 4, "text-anchor": way > 0 ? "start" : "end" };
  return textOf(one, " fate", anchor, shortened(one.lost_to || "lost", room), view);
};

// Where a text beside a lifeline goes: outside the outer lifelines, beyond the sockets; else on the line's inner side.
const beside = (host, where) => {
  const x = where.x.get(host), right = x === where.last && x !== where.first;
  if (where.inner(host)) return { x: right ? x - 9 : x + 9, anchor: right ? "end" : "start", room: where.narrow ? where.last - where.first - 24 : where.step - 24, label: "label" };
  const room = right ? where.width - where.last - where.outside - 6 : where.first - where.gutter - where.outside - 2;
  return { x: right ? x + where.outside + 2 : x - where.outside - 2, anchor: right ? "start" : "end", room, label: "" };
};

// A call's text in at most so many characters; its arguments are cut before its result.
const fitting = (full, result, most) => {
  if (full.length <= most) return full;
  const text = full.replace(/\((SOL_SOCKET|IPPROTO_[A-Z]+), /, "(");  // an option's name implies its level
  if (text.length <= most) return text;
  const name = text.split("(")[0], room = most - name.length - result.length - 6;
  if (!result || room < 0 || !text.endsWith(` = ${result}`)) return `${text.slice(0, Math.max(3, most - 1))}…`;
  const inside = text.slice(name.length + 1, -result.length - 4);
  return `${name}(${inside.slice(0, room)}…) = ${result}`;
};

const drawEvent = (moment, where, heightOf) => {
  const one = moment.one, x = where.x.get(one.host), at = beside(one.host, where), returned = moment.kind === "returned";
  const group = made("g", { class: `event${one.failed && moment.text.endsWith(one.result) ? " failed" : ""}`, tabindex: 0, role: "button", "aria-label": `${one.host}: ${one.text}` });
  group.event = one;
  if (!returned && one.ended > one.began) group.append(made("line", { class: "during", x1: x, y1: moment.y, x2: x, y2: heightOf(one.ended) }));
  group.append(made("circle", { cx: x, cy: moment.y, r: returned ? 2.5 : 3.5 }));
  group.append(made("title", {}, `${one.host}: ${one.text}`));
  const text = fitting(moment.text.split("\n")[0], one.result, Math.floor(at.room / LETTER));
  group.append(made("text", { class: at.label, x: at.x, y: moment.y + 4, "text-anchor": at.anchor }, text));
  return group;
};

const drawFault = (moment, where) => {
  const at = beside(moment.one.host, where), group = made("g", { class: "fault" });
  group.append(made("title", {}, moment.one.text));
  group.append(made("text", { class: at.label, x: at.x, y: moment.y + 4, "text-anchor": at.anchor }, fitting(moment.text, "", Math.floor(at.room / LETTER))));
  return group;
};

const drawState = (moment, where) => {
  const band = moment.one, at = beside(band.host, where);
  const group = made("g", { class: `state ${STATES[band.state] || "listen"}` });
  group.append(made("title", {}, `${band.host} ${band.local}${band.remote ? ` to ${band.remote}` : ""}: ${band.state}`));
  group.append(made("text", { class: at.label, x: at.x, y: moment.y + 4, "text-anchor": at.anchor }, moment.text));
  return group;
};

const drawBand = ({ band, lane }, where, heightOf, end) => {
  const x = where.x.get(band.host), way = x === where.last && x !== where.first ? 1 : -1;
  const top = heightOf(band.began), bottom = band.ended === null ? end : Math.max(heightOf(band.ended), top + 3);
  const at = way > 0 ? x + 5 + lane * where.lane : x - 4 - (lane + 1) * where.lane;
  const rect = made("rect", { class: `band ${STATES[band.state] || "listen"}`, x: at, y: top, width: where.lane - 1, height: bottom - top });
  rect.append(made("title", {}, `${band.host} ${band.local}${band.remote ? ` to ${band.remote}` : ""}: ${band.state}`));
  return { rect, top, bottom };
};

const drawNote = (moment, where) => {
  const line = made("g", { class: "note" }), from = where.gutter - 6, to = where.width - 4;
  const text = fitting(moment.text, "", Math.floor((to - from - 8) / LETTER));
  line.append(made("title", {}, moment.text));
  line.append(made("line", { x1: from, y1: moment.y + 4, x2: to, y2: moment.y + 4 }));
  line.append(made("text", { class: "label", x: from + 4, y: moment.y }, text));
  return line;
};

const drawFold = (fold, where) => {
  const group = made("g"), from = where.gutter - 6;
  group.append(made("rect", { class: "fold", x: from, y: fold.y, width: where.width - from - 4, height: fold.height, rx: 8 }));
  group.append(made("text", { class: "quiet", x: where.first + (where.step || 160) / 2, y: fold.y + fold.height / 2 + 4, "text-anchor": "middle" }, `${lasted(fold.ns)} pass`));
  return group;
};
