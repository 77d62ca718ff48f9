(() => {
  "use strict";
  // The page is whole without this script: it adds the player, and saving the record.
//= page.js
  const shots = JSON.parse(byId("shots").textContent);
  if (!shots.length) return;
  const player = byId("player");
  const stage = byId("stage");
  const width = Number(byId("suspect-picture").dataset.width);
  const plots = [...document.querySelectorAll("svg.over-time")];
  const last = shots.length - 1;
  const SHORTEST = 40; // milliseconds that a pair stays while playing
  const LONGEST = 500;
  const SPACE = "http://www.w3.org/2000/svg";
  let current = 0;
  let timer = null;

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const drawn = (name, values) => {
    const node = document.createElementNS(SPACE, name);
    set(node, values);
    return node;
  };

  // Labels keep their size on the screen, whatever size the picture is drawn at.
  const drawBoxes = (boxes) => {
    const matrix = byId("suspect-picture").getScreenCTM();
    const unit = matrix && matrix.a > 0 ? 1 / matrix.a : 1;
    const nodes = boxes.flatMap(({ label, xywh: [x, y, w, h] }) => {
      const place = { x, y, width: w, height: h };
      const right = x + w / 2 > width / 2;
      const text = drawn("text", {
        x: right ? x + w : x,
        y: y > 17 * unit ? y - 5 * unit : y + 15 * unit,
        "text-anchor": right ? "end" : "start",
      });
      set(text, { "stroke-width": 3 * unit });
      text.style.fontSize = `${12 * unit}px`;
      text.textContent = label;
      return [drawn("rect", { ...place, class: "under" }), drawn("rect", { ...place, class: "over" }), text];
    });
    byId("boxes").replaceChildren(...nodes);
  };

  const show = (place) => {
    current = clamp(place, 0, last);
    const shot = shots[current];
    byId("pic-reference").setAttribute("href", `#r-${shot.place}`);
    byId("pic-wiped").setAttribute("href", `#r-${shot.place}`);
    byId("pic-suspect").setAttribute("href", `#s-${shot.place}`);
    byId("pic-changes").setAttribute("href", `#c-${shot.place}`);
    drawBoxes(shot.boxes);
    const reference = `frame ${shot.reference}, ${num(shot.referenceSeconds, 3)} s`;
    const suspect = `frame ${shot.suspect}, ${num(shot.suspectSeconds, 3)} s`;
    byId("said-reference").textContent = reference;
    byId("said-suspect").textContent = byId("view-wipe").checked
      ? `${suspect} · left of the line: reference ${reference}`
      : suspect;
    const said = `Pair ${current + 1} of ${shots.length}: suspect ${suspect}; reference ${reference}`;
    byId("said").textContent = said;
    byId("seek").value = current;
    byId("seek").setAttribute("aria-valuetext", said);
    byId("previous").disabled = current === 0;
    byId("next").disabled = current === last;
    byId("now-agree").textContent = shot.agree;
    byId("now-changed").textContent = shot.changed;
    byId("now-face").textContent = shot.face;
    byId("now-in-face").textContent = shot.inFace;
    for (const plot of plots) {
      const x = `${(100 * shot.suspectSeconds) / Number(plot.dataset.end)}%`;
      set(plot.querySelector(".playhead"), { x1: x, x2: x, visibility: "visible" });
    }
  };

  const pause = () => {
    clearTimeout(timer);
    timer = null;
    byId("play").textContent = "Play";
    byId("said").setAttribute("aria-live", "polite");
  };
  const tick = () => {
    if (current === last) return pause();
    const apart = 1000 * (shots[current + 1].suspectSeconds - shots[current].suspectSeconds);
    timer = setTimeout(() => {
      show(current + 1);
      tick();
    }, clamp(apart, SHORTEST, LONGEST));
  };
  const play = () => {
    if (current === last) show(0);
    byId("play").textContent = "Pause";
    byId("said").setAttribute("aria-live", "off");
    tick();
  };
  const toggle = () => (timer === null ? play() : pause());
  const go = (place) => {
    pause();
    show(place);
  };

  const drawWipe = () => {
    const x = (width * Number(byId("wipe").value)) / 100;
    byId("wiped-part").setAttribute("width", x);
    set(byId("wipe-line"), { x1: x, x2: x });
  };
  const drawView = () => {
    const wiping = byId("view-wipe").checked;
    stage.classList.toggle("wipe", wiping);
    byId("wipe-control").hidden = !wiping;
    byId("wiper").setAttribute("visibility", wiping ? "visible" : "hidden");
    byId("pic-changes").style.display = byId("show-changes").checked ? "" : "none";
    byId("boxes").style.display = byId("show-boxes").checked ? "" : "none";
    show(current);
  };
  const wipeTo = (event) => {
    // the picture may be narrower than its element: the drawing's own matrix tells where it lies
    const picture = byId("suspect-picture");
    const point = new DOMPoint(event.clientX, event.clientY);
    const x = point.matrixTransform(picture.getScreenCTM().inverse()).x;
    byId("wipe").value = clamp((100 * x) / width, 0, 100);
    drawWipe();
  };

  byId("previous").addEventListener("click", () => go(current - 1));
  byId("next").addEventListener("click", () => go(current + 1));
  byId("play").addEventListener("click", toggle);
  byId("seek").addEventListener("input", (event) => go(Number(event.target.value)));
  byId("wipe").addEventListener("input", drawWipe);
  for (const id of ["view-beside", "view-wipe", "show-changes", "show-boxes"]) {
    byId(id).addEventListener("change", drawView);
  }
  stage.addEventListener("pointerdown", (event) => {
    if (!byId("view-wipe").checked) return;
    stage.setPointerCapture(event.pointerId);
    wipeTo(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) wipeTo(event);
  });

  // Sliders, choices and buttons keep the keys that are their own.
  player.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const own = event.target.matches("input[type='radio'], input[type='range']");
    const presses = event.target.matches("button, input[type='radio'], input[type='checkbox']");
    if (event.key === " " && !presses) toggle();
    else if (event.key === "ArrowLeft" && !own) go(current - 1);
    else if (event.key === "ArrowRight" && !own) go(current + 1);
    else if (event.key === "Home" && !own) go(0);
    else if (event.key === "End" && !own) go(last);
    else return;
    event.preventDefault();
  });

  for (const plot of plots) {
    plot.addEventListener("click", (event) => {
      const box = plot.getBoundingClientRect();
      const seconds = (Number(plot.dataset.end) * (event.clientX - box.left)) / box.width;
      const away = (i) => Math.abs(shots[i].suspectSeconds - seconds);
      go(shots.reduce((best, _, i) => (away(i) < away(best) ? i : best), 0));
    });
  }

  addEventListener("resize", () => drawBoxes(shots[current].boxes));
  drawWipe();
  drawView();
})();
