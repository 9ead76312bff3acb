// Folded parts, tabs, figures, sorting and filters of the report. Without it everything is simply shown.
"use strict";
document.documentElement.classList.add("js");

// What a link leads to is unfolded.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  const own = target?.querySelector(":scope > details");
  if (own && target.matches("section:not(#claims)")) own.open = true;
};
addEventListener("hashchange", unfold);
unfold();

// A figure says the mark that is pointed at, tapped, or reached with the arrow keys.
const sayMarks = (figure, marks) => {
  const canvas = figure.querySelector(".canvas"), told = document.createElement("output");
  told.className = "told";
  told.textContent = "Point at a mark, or use the arrow keys here: value, interval, n.";
  canvas.after(told);
  for (const mark of marks) {
    const title = mark.querySelector("title");
    mark.dataset.told = title.textContent;
    title.remove();
  }
  const say = (mark) => {
    for (const other of figure.querySelectorAll(".here")) other.classList.remove("here");
    for (const same of marks) if (same.dataset.told === mark.dataset.told) same.classList.add("here");
    told.textContent = mark.dataset.told;
  };
  for (const kind of ["pointerover", "click"]) {
    canvas.addEventListener(kind, (event) => {
      const mark = event.target.closest?.("[data-told]");
      if (mark) say(mark);
    });
  }
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const shown = marks.filter((m, i) => m.getClientRects().length && marks[i - 1]?.dataset.told !== m.dataset.told);
    if (!step || !shown.length) return;
    event.preventDefault();
    const now = shown.findIndex((m) => m.classList.contains("here"));
    const next = shown[now < 0 && step < 0 ? shown.length - 1 : (now + step + shown.length) % shown.length];
    say(next);
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
};

// Where a figure has several arms, each can be switched off.
const switchArms = (figure) => {
  const parts = [...figure.querySelectorAll("[data-arm]")];
  const arms = [...new Set(parts.map((part) => part.dataset.arm))];
  if (arms.length < 2) return;
  const group = document.createElement("div");
  group.className = "tabs switches";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Arms shown");
  for (const arm of arms) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = arm;
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const off = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!off));
      for (const part of parts) if (part.dataset.arm === arm) part.classList.toggle("off", off);
    });
    group.append(button);
  }
  figure.querySelector(".canvas").before(group);
};
for (const figure of document.querySelectorAll("figure")) {
  const marks = [...figure.querySelectorAll(".mark")];
  if (marks.length) sayMarks(figure, marks);
  if (!figure.closest(".beside")) switchArms(figure);
}

// One figure of a group at a time.
for (const tabs of document.querySelectorAll("[role=tablist]")) {
  const buttons = [...tabs.querySelectorAll("[role=tab]")];
  const panels = buttons.map((b) => document.getElementById(b.getAttribute("aria-controls")));
  const choose = (chosen, focus) => {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === chosen));
      button.tabIndex = i === chosen ? 0 : -1;
      panels[i].hidden = i !== chosen;
    });
    if (focus) buttons[chosen].focus();
  };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => choose(i, false));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) choose((i + step + buttons.length) % buttons.length, true);
      if (event.key === "Home") choose(0, true);
      if (event.key === "End") choose(buttons.length - 1, true);
    });
  });
  choose(0, false);
}

// Sort a table by a column; numbers by value, words by letter.
const sortKey = (row, column) => {
  const raw = row.cells[column].dataset.sort;
  return raw !== "" && !Number.isNaN(Number(raw)) ? Number(raw) : raw;
};
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [sortKey(a, column), sortKey(b, column)];
        const order = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1;
        return up ? order : -order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}

// Show only rows that carry the chosen values. A filter names its table and column.
for (const form of document.querySelectorAll("[data-filters]")) {
  const table = document.getElementById(form.dataset.filters);
  const selects = [...form.querySelectorAll("select")];
  const apply = () => {
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = selects.some((s) => s.value && row.cells[Number(s.dataset.column)].dataset.sort !== s.value);
      shown += row.hidden ? 0 : 1;
    }
    form.querySelector("output").textContent = `${shown} rows`;
  };
  for (const select of selects) {
    const column = Number(select.dataset.column);
    const seen = new Map();
    for (const row of table.tBodies[0].rows) seen.set(row.cells[column].dataset.sort, row.cells[column].dataset.word);
    for (const [value, word] of seen) select.add(new Option(word, value));
    if (select.dataset.initial && seen.has(select.dataset.initial)) select.value = select.dataset.initial;
    select.addEventListener("change", apply);
  }
  apply();
}
