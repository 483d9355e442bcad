// The ladder in pieces that fit on a printed page, cut where the distance between two moments is greatest.
const PAGE = { width: 700, height: 930 };  // px; fits on A4 and on Letter, with a margin

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
