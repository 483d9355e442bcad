"use strict";
// The position of everything in the ladder, as plain numbers: time runs downward, each host has a lifeline.
const FLIGHT = 34;        // px that the usual time from sent to delivered takes
const QUIET = 96;         // px; a longer quiet period is folded
const LONG = 36;          // px that a short period takes at most
const WORTH = 1e6;        // ns; a shorter period is shrunk without a mark
const FOLDED = 58;        // px of a folded period
const UNFOLDED = 20000;   // px of a complete run that is drawn to scale
const TOP = 58;           // px above the first moment
const LETTER = 7.25;      // px; the width of a character
const LETTER_OF_A_HEAD = 8.5;  // px; of a bold one of 14 px
const LINE = 15;          // px; the height of a line of text
const LEAST = { note: 24, fault: LINE, event: LINE, returned: LINE, state: LINE, sent: 19, delivered: 8 };  // px to the next item above in the same column
const STEEP = 30;         // px that an arrow goes down; the label of a steeper one is placed last
const STEEPEST = 0.7;     // slope up to which a label is turned with its arrow
const GONE = 0.62;        // the part of the way after which the arrow of a lost frame ends
const AT_ALL = 3;         // px to anything above, so that the order is visible

const columnsFor = (hosts, width, ended) => {
  const narrow = width < 760, many = hosts.length > 2;
  const decimals = narrow && ended >= 2e9 ? 3 : 6;
  const digits = (ended / 1e9).toFixed(decimals).length;
  const gutter = digits * LETTER + 16;
  const lanes = narrow ? 3 : 6, lane = narrow ? 6 : 8;
  const outside = 8 + lanes * lane;  // px that the sockets take beside a lifeline
  const side = narrow ? outside + 4 : Math.min(420, width * (many ? 0.22 : 0.3));
  const first = gutter + side, last = Math.max(width - side - 4, first + (narrow ? 150 : 190) * (hosts.length - 1));
  const step = hosts.length > 1 ? (last - first) / (hosts.length - 1) : 0;
  const x = new Map(hosts.map((host, n) => [host, first + n * step]));
  const inner = (host) => narrow || (x.get(host) !== first && x.get(host) !== last) || hosts.length === 1;
  return { narrow, decimals, gutter, lanes, lane, outside, side, first, last, step, x, inner, width: Math.max(width, last + side + 4) };
};

// Sockets side by side: those with a peer next to the lifeline, listeners beyond them.
const lanesOf = (bands, where) => {
  const free = new Map(), placed = [];
  const put = (band, host, from) => {
    const lanes = free.get(host) || free.set(host, []).get(host), socket = `${band.local} ${band.remote}`;
    let lane = lanes.findIndex((one) => one && one.socket === socket);
    for (let n = from; lane < 0; n++) if (!lanes[n] || lanes[n].until <= band.began) lane = n;
    lanes[lane] = { socket, until: band.ended === null ? Infinity : band.ended };
    placed.push({ band, lane, shown: lane < (where.inner(host) ? 3 : where.lanes) });
  };
  for (const band of bands) if (band.state !== "LISTEN") put(band, band.host, 0);
  const used = new Map();
  for (const one of placed) if (one.shown) used.set(one.band.host, Math.max(used.get(one.band.host) || 0, one.lane + 1));
  for (const band of bands) if (band.state === "LISTEN") put(band, band.host, used.get(band.host) || 0);
  const hidden = new Map();
  for (const { band, shown } of placed) if (!shown) (hidden.get(band.host) || hidden.set(band.host, new Set()).get(band.host)).add(`${band.local} ${band.remote}`);
  return { placed, hidden: new Map([...hidden].map(([host, sockets]) => [host, sockets.size])) };
};

const CLOSED = "CLOSED";  // RFC 9293's name for a socket that is in no table
const WAITING = /^(connect|accept|recv|recvfrom|select|poll)\(/;  // calls that wait for a frame

// Everything that happens, in order. At the same time, calls come before frames, and frames before sampled states.
const momentsOf = (what, placed, flight) => {
  const moments = [], LATE = 1e9;
  for (const [t, text] of what.notes) moments.push({ t, order: -5, kind: "note", text });
  for (const one of what.faults) {
    const about = { host: one.toward, text: `the wire toward ${one.toward}: ${one.text}` };
    moments.push({ t: one.began, order: -4, kind: "fault", one: about, text: `fault: ${one.text}` });
    if (one.ended !== null) moments.push({ t: one.ended, order: -4, kind: "fault", one: about, text: `fault lifted: ${one.text.split(/[ =]/)[0]}` });
  }
  for (const one of what.arrows) {
    moments.push({ t: one.sent, order: 2 * one.number, kind: "sent", one });
    one.delivered.forEach((t, copy) => moments.push({ t, order: 2 * one.number + 1, kind: "delivered", one, copy }));
  }
  const socketAt = (band, t) => `${band.host} ${band.local} ${band.remote} ${t}`, begun = new Set(placed.map(({ band }) => socketAt(band, band.began)));
  for (const { band, shown } of placed) {
    if (!shown) continue;
    moments.push({ t: band.began, order: LATE + 1, kind: "state", one: band, text: band.state });
    const gone = band.remote && band.ended !== null && !begun.has(socketAt(band, band.ended));
    if (gone) moments.push({ t: band.ended, order: LATE + 2, kind: "state", one: { ...band, state: CLOSED }, text: CLOSED });
  }
  const times = moments.map((moment) => moment.t).concat(what.events.map((one) => one.began)).sort((a, b) => a - b);
  for (const one of what.events) {
    const next = times[after(times, one.began)];
    const atOnce = !WAITING.test(one.text) && one.ended - one.began < Math.max(1e6, 2 * flight);
    const waits = one.result && next !== undefined && next < one.ended && !atOnce;
    moments.push({ t: one.began, order: -1, kind: "event", one, text: waits ? one.text.slice(0, -one.result.length - 3) : one.text });
    if (waits) moments.push({ t: one.ended, order: LATE, kind: "returned", one, text: `${one.text.split("(")[0]} = ${one.result}` });
  }
  return moments.sort((a, b) => a.t - b.t || a.order - b.order);
};

// The index of the first number that is greater.
const after = (numbers, limit) => {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1; else high = middle;
  }
  return low;
};

const usualFlight = (arrows) => {
  const flights = arrows.flatMap((one) => one.delivered.map((t) => t - one.sent)).filter((ns) => ns > 0).sort((a, b) => a - b);
  return flights.length ? Math.max(flights[flights.length >> 1], 1e4) : 1e6;
};

// The columns that a moment takes room in: at a host, between the lifelines, or all.
const columnsTaken = (moment, where) => {
  if (moment.kind === "note") return ["wire", ...where.x.keys()];
  if (moment.kind === "sent") return ["wire"];
  if (moment.kind === "delivered") return [`to ${moment.one.toward}`];
  return where.inner(moment.one.host) ? ["wire", moment.one.host] : [moment.one.host];
};

// Each moment gets a height: in proportion to the time since the one before, but without overlaps.
const heightsFor = (moments, scale, view, where) => {
  const folds = [], taken = new Map();
  let y = TOP - AT_ALL, before = moments.length ? moments[0].t : 0;
  for (const moment of moments) {
    const natural = (moment.t - before) * scale * view.zoom, short = moment.t - before < WORTH, columns = columnsTaken(moment, where);
    if (view.fold && natural > QUIET * view.zoom && !short) {
      folds.push({ y: y + 12, height: FOLDED - 24, ns: moment.t - before });
      y += FOLDED;
    } else {
      y += Math.max(AT_ALL, view.fold && short ? Math.min(natural, LONG * view.zoom) : natural);
    }
    for (const column of columns) if (taken.has(column)) y = Math.max(y, taken.get(column) + LEAST[moment.kind]);
    for (const column of columns) taken.set(column, y);
    moment.y = y;
    before = moment.t;
  }
  return { folds, height: y + 60 };
};

// The height of any time, interpolated between the moments around it.
const between = (moments) => {
  const times = moments.map((moment) => moment.t);
  return (t) => {
    const place = after(times, t);
    if (!place) return moments.length ? moments[0].y - 14 : TOP;
    const above = moments[place - 1], below = moments[place];
    if (!below) return above.y + 14;
    return above.y + Math.min(1, (t - above.t) / Math.max(1, below.t - above.t)) * (below.y - above.y);
  };
};

// The complete layout: what to draw, and where.
const laidOut = (story, what, view, width) => {
  const where = columnsFor(story.hosts, width, story.ended);
  const { placed, hidden } = lanesOf(what.bands, where), flight = usualFlight(what.arrows);
  const moments = momentsOf(what, placed, flight);
  const scale = view.fold ? FLIGHT / flight : UNFOLDED / Math.max(1, story.ended);
  const { folds, height } = heightsFor(moments, scale, view, where);
  const heightOf = between(moments), room = new Room(), arrows = new Map();
  for (const moment of moments) {
    if (moment.kind === "sent") arrows.set(moment.one, { sent: moment.y, ends: [], lost: !moment.one.delivered.length });
    else if (moment.kind === "delivered") arrows.get(moment.one).ends.push(Math.max(moment.y, arrows.get(moment.one).sent + 5));
    else if (moment.kind === "note") room.take({ x: where.gutter, y: moment.y - LINE, width: where.width });
    else if (where.inner(moment.one.host)) {
      const long = moment.text.length * LETTER, x = where.x.get(moment.one.host);
      room.take({ x: x === where.last && x !== where.first ? x - long - 8 : x + 8, y: moment.y - 8, width: long });
    }
  }
  for (const fold of folds) room.take({ x: (where.first + where.first + where.step) / 2 - 50, y: fold.y + fold.height / 2 - 8, width: 100 });
  for (const [one, at] of arrows) {
    if (!at.lost) continue;
    at.ends.push(at.sent + 9);
    room.take({ x: crossOf(one, where) - (where.x.get(one.toward) > where.x.get(one.source) ? 6 : 44), y: at.sent, width: 50 });
  }
  const steep = (one) => { const at = arrows.get(one); return Math.abs(at.ends[0] - at.sent) > STEEP; };
  const needy = what.arrows.filter((one, n) => !repeatsLabel(one, what.arrows[n + 1]));
  for (const one of [...needy.filter((each) => !steep(each)), ...needy.filter(steep)]) arrows.get(one).label = labelled(one, arrows.get(one), where, room);
  return { where, placed, hidden, moments, folds, height, heightOf, arrows };
};
