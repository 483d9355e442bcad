// The room that texts take, so that the next text can be placed where none is.
class Room {
  constructor() { this.rows = new Map(); }

  overlap(area) {
    let most = 0;
    for (let row = Math.floor(area.y / LINE) - 1; row <= Math.floor(area.y / LINE) + 1; row++) {
      for (const other of this.rows.get(row) || []) {
        const wide = Math.min(area.x + area.width, other.x + other.width) - Math.max(area.x, other.x);
        const high = Math.min(area.y, other.y) + LINE - 3 - Math.max(area.y, other.y);
        if (wide > 0 && high > 0) most = Math.max(most, wide * high);
      }
    }
    return most;
  }

  take(area) {
    const row = Math.floor(area.y / LINE);
    (this.rows.get(row) || this.rows.set(row, []).get(row)).push(area);
  }
}

const crossOf = (one, where) => where.x.get(one.source) + (where.x.get(one.toward) - where.x.get(one.source)) * GONE;

// As much of a label as there is room for: complete parts if possible, else one that is cut.
const shortened = (label, most) => {
  const parts = label.split(", ");
  while (parts.length > 1 && parts.join(", ").length > most) parts.pop();
  const text = parts.join(", ");
  return text.length <= most ? text : `${text.slice(0, Math.max(3, most - 1))}…`;
};

const CROWDED = 0.2;  // of a label's own room; a label that overlaps more is left out, and pointing at the arrow shows it

// A label is placed on its arrow where no text is: in the middle of a flat arrow, nearer to the sender of a steep one.
const labelled = (one, at, where, room) => {
  const from = where.x.get(one.source), to = where.x.get(one.toward), across = to - from, wide = Math.abs(across) * (at.lost ? GONE : 1);
  const free = (host) => where.inner(host) && !where.narrow ? 32 : 8;  // px; texts at an inner lifeline keep their room
  const rest = (one.again === null ? "" : " ↺") + (one.damaged ? " damaged" : "");
  const text = shortened(one.label, Math.floor((wide - free(one.source) - 16) / LETTER) - rest.length) + rest;
  const long = text.length * LETTER, down = (at.ends[0] - at.sent) / (at.lost ? GONE : 1), steep = Math.abs(down) > STEEP;
  const turn = Math.abs(down) < Math.abs(across) * STEEPEST ? Math.atan(down / across) : 0;
  const least = (long / 2 + free(one.source)) / Math.abs(across), most = Math.max(least, (wide - long / 2 - (at.lost ? 4 : free(one.toward))) / Math.abs(across));
  const best = Math.max(least, Math.min(most, steep ? least + 0.08 : at.lost ? 0.3 : 0.5));
  let chosen = null, over = Infinity;
  for (const away of [0, 0.08, -0.08, 0.16, -0.16, 0.26, -0.26, 0.36, 0.46]) {
    const part = best + away;
    if (away && (part < least || part > most)) continue;
    const middle = { x: from + across * part, y: at.sent + down * part - 4 };
    const areas = [-1, 0, 1].map((third) => ({ x: middle.x + (third - 0.5) * long / 3, y: middle.y - LINE + 3 + Math.tan(turn) * third * long / 3, width: long / 3 }));
    const overlap = areas.reduce((sum, area) => sum + room.overlap(area), 0);
    if (overlap < over) { chosen = { ...middle, areas }; over = overlap; }
    if (!over) break;
  }
  if (over > long * LINE * CROWDED) return { text: "", x: chosen.x, y: chosen.y, turn: 0 };
  chosen.areas.forEach((area) => room.take(area));
  return { text, x: chosen.x, y: chosen.y, turn: turn * 180 / Math.PI };
};

// A broadcast is drawn as an arrow for each receiver; only the longest gets a label.
const repeatsLabel = (one, next) => next !== undefined && next.sent === one.sent && next.source === one.source && next.label === one.label && next.toward !== one.toward;
