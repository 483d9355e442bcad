// The ladder in pieces that a page has room for, cut where the room between two moments is widest.
const PAGE = { width: 700, height: 930 };  // px; what A4 and Letter have in common, with some margin

const cutsOf = (plan) => {
  const cuts = [0], heights = plan.moments.map((moment) => moment.y);
  while (plan.height - cuts[cuts.length - 1] > PAGE.height) {
    const lowest = cuts[cuts.length - 1] + PAGE.height;
    let cut = lowest, widest = 0;
    for (let n = after(heights, lowest - PAGE.height / 4); n < heights.length && heights[n] <= lowest; n++) {
      const gap = heights[n] - heights[n - 1];
      if (gap > widest) { widest = gap; cut = heights[n] - gap / 2; }
    }
    cuts.push(cut);
  }
  return [...cuts, plan.height];
};

const sheetsOf = (plan, parts, frame) => {
  const cuts = cutsOf(plan);
  return cuts.slice(1).map((bottom, n) => {
    const top = cuts[n], svg = frame(plan, top, bottom);
    for (const part of parts) if (part.bottom >= top && part.top <= bottom) svg.append(part.make());
    return svg;
  });
};
