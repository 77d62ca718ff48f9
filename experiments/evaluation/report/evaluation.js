(() => {
  "use strict";
//= page.js
  // Tables sort by a click on a column's head; cells without a number go last either way.
  const valueOf = (row, column) => {
    const text = row.cells[column].dataset.sort ?? "";
    const number = Number(text);
    return text === "" ? null : Number.isNaN(number) ? text : number;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.querySelectorAll("th[data-column]")];
    for (const head of heads) {
      head.querySelector("button").addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const first = head.dataset.first ?? "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const wanted = now === first ? other : first;
        for (const one of heads) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", wanted);
        const column = Number(head.dataset.column);
        const sign = wanted === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const x = valueOf(a, column);
          const y = valueOf(b, column);
          if (x === null || y === null) return (x === null) - (y === null);
          return sign * (x < y ? -1 : x > y ? 1 : 0);
        });
        table.tBodies[0].append(...rows);
      });
    }
  }

  // Slices: by column, by detector, by what a row says.
  for (const box of document.querySelectorAll(".slices")) {
    const pick = (name) => box.querySelector(`[data-filter="${name}"]`);
    const rows = [...box.querySelectorAll("tbody tr")];
    const show = () => {
      const by = pick("by").value;
      const detector = pick("detector").value;
      const text = pick("text").value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden =
          (by !== "" && row.dataset.by !== by) ||
          (detector !== "" && row.dataset.detector !== detector) ||
          (text !== "" && !row.textContent.toLowerCase().includes(text));
        shown += row.hidden ? 0 : 1;
      }
      box.querySelector(".shown").textContent = `${shown} of ${rows.length}`;
    };
    for (const name of ["by", "detector", "text"]) pick(name).addEventListener("input", show);
    show();
  }

  // Load on review at any prevalence, from the measured rates.
  for (const box of document.querySelectorAll(".load")) {
    const input = box.querySelector("input");
    const show = () => {
      const p = Number(input.value);
      const good = input.value !== "" && p > 0 && p < 1;
      box.querySelector(".share").textContent = good ? input.value : "–";
      for (const row of box.querySelectorAll("tbody tr")) {
        const tpr = Number(row.dataset.tpr);
        const fpr = Number(row.dataset.fpr);
        const flagged = tpr * p + fpr * (1 - p);
        const cells = {
          flagged: num(1000 * flagged, 1),
          real: num(1000 * fpr * (1 - p), 1),
          missed: num(1000 * (1 - tpr) * p, 2),
          precision: flagged > 0 ? num((100 * tpr * p) / flagged, 1) + " %" : "–",
        };
        for (const [name, value] of Object.entries(cells)) {
          row.querySelector(`[data-cell="${name}"]`).textContent = good ? value : "–";
        }
      }
    };
    input.addEventListener("input", show);
    show();
  }
})();
