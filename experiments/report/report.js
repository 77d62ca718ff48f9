(() => {
  "use strict";
  // The page is whole without this script: it adds the panel of one frame, and saving the record.
//= page.js
  const rows = [...document.querySelectorAll("svg[data-row]")];
  if (!rows.length) return;
  const panel = byId("panel");
  const picture = byId("panel-picture");
  let current = null;

  const points = (row) => [...row.querySelectorAll("a.point")];

  const drawPicture = (trackIndex, place, frame, label) => {
    const thumbnail = byId(`frame-${frame.frame_index}`);
    const crop = byId(`crop-${trackIndex}-${place}`);
    const width = thumbnail ? Number(thumbnail.getAttribute("width")) : 0;
    const height = thumbnail ? Number(thumbnail.getAttribute("height")) : 100;
    const side = thumbnail ? Math.min(width, height) : 100;
    const left = thumbnail ? width + side * 0.04 : 0;
    const [x1, y1, x2, y2] = frame.box_xyxy;
    const boxed = thumbnail && record.input;
    byId("panel-frame").setAttribute("href", thumbnail ? `#${thumbnail.id}` : "");
    byId("panel-crop").setAttribute("href", crop ? `#${crop.id}` : "");
    byId("panel-crop").setAttribute("transform", `translate(${left} 0) scale(${side / 100})`);
    for (const box of picture.querySelectorAll("rect")) {
      const stroke = side * (box.classList.contains("halo") ? 0.028 : 0.014);
      set(box, { x: x1, y: y1, width: x2 - x1, height: y2 - y1, "stroke-width": stroke });
      box.style.display = boxed ? "" : "none";
    }
    picture.setAttribute("viewBox", `0 0 ${crop ? left + side : width} ${height}`);
    picture.style.display = thumbnail || crop ? "" : "none";
    const said = [];
    if (thumbnail) said.push(`Frame ${frame.frame_index}${boxed ? `, with a box around the face of ${label}` : ""}`);
    if (crop) said.push("the crop that the detector saw");
    picture.setAttribute("aria-label", `${said.join("; ")}.`);
    const missing = [];
    if (!thumbnail) missing.push("No picture of this frame was kept.");
    if (!crop) missing.push("No crop of this face is kept in the report.");
    byId("panel-missing").textContent = missing.join(" ");
    byId("panel-missing").hidden = !missing.length;
  };

  const show = (point) => {
    const row = point.closest("svg[data-row]");
    const trackIndex = Number(row.dataset.row);
    const place = Number(point.dataset.place);
    const frame = record.tracks[trackIndex].frames[place];
    if (current) current.classList.remove("on");
    current = point;
    point.classList.add("on");
    for (const other of points(row)) other.setAttribute("tabindex", other === point ? "0" : "-1");
    panel.className = `panel ${row.dataset.colour}`;
    byId("panel-title").textContent = `${row.dataset.label}, frame ${frame.frame_index}`;
    byId("panel-index").textContent = frame.frame_index;
    byId("panel-time").textContent = `${num(frame.pts_seconds, 3)} s`;
    byId("panel-score").textContent = num(frame.score, 4);
    byId("panel-box").textContent = `${frame.box_xyxy.map((v) => num(v, 1)).join(", ")} pixels`;
    drawPicture(trackIndex, place, frame, row.dataset.label);
    const all = points(row);
    byId("panel-prev").disabled = point === all[0];
    byId("panel-next").disabled = point === all[all.length - 1];
    panel.hidden = false;
  };

  const beside = (point, step) => {
    const all = points(point.closest("svg[data-row]"));
    return all[Math.min(Math.max(all.indexOf(point) + step, 0), all.length - 1)];
  };

  const nearest = (row, x, y) => {
    const away = (point) => {
      const at = point.querySelector("use").getBoundingClientRect();
      return Math.hypot(at.x + at.width / 2 - x, at.y + at.height / 2 - y);
    };
    return points(row).reduce((best, p) => (away(p) < away(best) ? p : best));
  };

  for (const row of rows) {
    for (const point of points(row)) point.setAttribute("tabindex", "-1");
    row.addEventListener("click", (event) => {
      event.preventDefault();
      const byKey = event.detail === 0;
      show(byKey ? event.target.closest("a.point") : nearest(row, event.clientX, event.clientY));
    });
    row.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
      const point = event.target.closest("a.point");
      if (!point || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key in steps) {
        const next = beside(point, steps[event.key]);
        show(next);
        next.focus();
      } else if (event.key === " ") show(point);
      else return;
      event.preventDefault();
    });
  }
  byId("panel-prev").addEventListener("click", () => show(beside(current, -1)));
  byId("panel-next").addEventListener("click", () => show(beside(current, 1)));

  // Each row can be tabbed to, at its highest frame; the first row's is shown.
  const highest = (row) =>
    points(row).reduce((best, point) => {
      const frames = record.tracks[Number(row.dataset.row)].frames;
      return frames[point.dataset.place].score > frames[best.dataset.place].score ? point : best;
    });
  for (const row of rows) highest(row).setAttribute("tabindex", "0");
  show(highest(rows[0]));
})();
