"use strict";
// The list of runs: filters by scenario and verdict, and compares two marked runs.
(() => {
  const runs = JSON.parse(document.getElementById("data").textContent);
  const rows = [...document.querySelectorAll("#runs tbody tr")];
  const scenario = document.getElementById("scenario"), verdict = document.getElementById("verdict");
  const compared = document.getElementById("compared");

  const filter = () => {
    for (const row of rows) {
      row.hidden = (scenario.value && row.dataset.scenario !== scenario.value) || (verdict.value && row.dataset.verdict !== verdict.value);
    }
  };
  scenario.addEventListener("change", filter);
  verdict.addEventListener("change", filter);

  const element = (name, text = "", kind = "") => {
    const made = document.createElement(name);
    made.textContent = text === null || text === undefined ? "" : String(text);
    if (kind) made.className = kind;
    return made;
  };
  const table = (title, heads, lines) => {
    const made = element("table"), head = made.createTHead().insertRow(), body = made.createTBody();
    for (const each of heads) head.append(element("th", each));
    for (const line of lines) {
      const row = body.insertRow();
      for (const cell of line) row.append(cell);
    }
    return [element("h3", title), made];
  };

  const compare = (one, other) => {
    const names = [...new Set([...Object.keys(one.environment), ...Object.keys(other.environment)])];
    const differ = names.filter((name) => String(one.environment[name]) !== String(other.environment[name]));
    const heads = ["", `${one.scenario} ${one.time}`, `${other.scenario} ${other.time}`];
    const settings = differ.map((name) => [element("td", name), element("td", one.environment[name]), element("td", other.environment[name])]);
    const theirs = new Map(other.claims.map((claim) => [claim[0], claim])), mine = new Map(one.claims.map((claim) => [claim[0], claim]));
    const shown = (claim) => claim ? element("td", `${claim[1]}${claim[2] ? `, measured ${claim[2]}` : ""}${claim[3] ? `, expected ${claim[3]}` : ""}`, claim[1].toLowerCase()) : element("td", "not judged");
    const claims = [...new Set([...mine.keys(), ...theirs.keys()])].map((name) => {
      const same = JSON.stringify(mine.get(name)) === JSON.stringify(theirs.get(name));
      return [element("td", `${same ? "" : "≠ "}${name}`), shown(mine.get(name)), shown(theirs.get(name))];
    });
    compared.replaceChildren(element("h2", "Comparison"), ...table("Differences in the environment", heads, settings), ...table("Claims", heads, claims));
  };

  document.getElementById("runs").addEventListener("change", (change) => {
    const marked = [...document.querySelectorAll("#runs input:checked")];
    for (const checkbox of marked.slice(0, -2)) if (checkbox !== change.target) checkbox.checked = false;
    const two = [...document.querySelectorAll("#runs input:checked")].slice(0, 2).map((checkbox) => runs[Number(checkbox.value)]);
    if (two.length === 2) compare(two[0], two[1]);
    else compared.replaceChildren();
  });
})();
