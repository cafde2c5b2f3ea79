// Looking closer at a figure of points: their values, by pointer or keys, and one method alone, across all panels.
// What lies where in the picture stands in the page. Without this script, and on paper, the picture stays as it is.
document.addEventListener("DOMContentLoaded", () => {
  for (const data of document.querySelectorAll("figure script.explore")) explore(data);
});

const explore = (data) => {
  const { shape, panels, series } = JSON.parse(data.textContent);
  const image = data.closest("figure").querySelector("img");
  const picture = image.closest("a") ?? image;
  const size = 1000; // the drawing's width in its own units; places are shares of it, and of its height
  const scale = (places) => places.map((place, index) => place * size * (index % 2 ? shape : 1));

  const make = (name, content = []) => {
    const element = document.createElement(name);
    element.append(...content);
    return element;
  };
  const draw = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawPoint = ({ at, bar }, colour) => {
    const [[x, y], [x1, y1, x2, y2]] = [scale(at), scale(bar)];
    const line = draw("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": 3 });
    return [line, draw("circle", { cx: x, cy: y, r: 6, fill: colour })];
  };
  const chosen = (points) => points.filter((point) => !select.value || point.name === select.value);

  // All panels pale, and the chosen method drawn over them.
  const highlight = () => {
    const marks = select.value ? panels.map(scale).map(([x, y, right, bottom]) =>
      draw("rect", { x, y, width: right - x, height: bottom - y, fill: "#fff", opacity: 0.75 })) : [];
    for (const { colour, line, points } of select.value ? series : []) {
      const own = chosen(points);
      const path = own.map((point) => scale(point.at).join()).join(" ");
      if (line) marks.push(draw("polyline", { points: path, fill: "none", stroke: colour, "stroke-width": 4 }));
      for (const point of own) marks.push(...drawPoint(point, colour));
    }
    layer.replaceChildren(...marks);
    range.max = series.flatMap(({ points }) => chosen(points)).length - 1;
    range.value = 0;
    point();
  };

  const show = (one) => {
    const [cx, cy] = scale(one.at);
    ring.replaceChildren(draw("circle", { cx, cy, r: 12, fill: "none", stroke: "#222", "stroke-width": 3 }));
    tip.textContent = one.text;
    tip.style.left = `${100 * one.at[0]}%`;
    tip.style.top = `${100 * one.at[1]}%`;
    tip.style.transform = `translate(${-100 * one.at[0]}%, ${one.at[1] < 0.5 ? "1rem" : "calc(-100% - 1rem)"})`;
    range.setAttribute("aria-valuetext", one.text);
  };
  const clear = () => {
    ring.replaceChildren();
    tip.replaceChildren();
  };
  const point = () => show(series.flatMap(({ points }) => chosen(points))[range.value]);

  const nearest = (event) => {
    const { left, top, width, height } = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const distance = ({ at }) => Math.hypot(at[0] * width - x, at[1] * height - y);
    const all = series.flatMap(({ points }) => chosen(points));
    const found = all.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    if (distance(found) > 24) return clear();
    range.value = all.indexOf(found);
    show(found);
  };

  const names = new Set(series.flatMap(({ points }) => points.map(({ name }) => name)));
  const select = make("select", [new Option("all", ""), ...[...names].map((name) => new Option(name))]);
  const range = Object.assign(make("input"), { type: "range", min: 0, value: 0 });
  const [layer, ring, tip] = [draw("g", {}), draw("g", {}), make("output")];
  const svg = draw("svg", { viewBox: `0 0 ${size} ${size * shape}`, "aria-hidden": "true" });
  svg.append(layer, ring);
  const stage = make("div");
  picture.replaceWith(stage);
  stage.append(picture, svg, tip);
  const choice = make("div", [make("label", ["Show", select]), make("label", ["Point", range])]);
  const view = make("div");
  [stage.className, choice.className, view.className] = ["explore-stage", "explore-choice", "explore"];
  stage.replaceWith(view);
  view.append(stage, choice);

  select.addEventListener("change", highlight);
  range.addEventListener("input", point);
  range.addEventListener("focus", point);
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerleave", clear);
  range.max = series.flatMap(({ points }) => points).length - 1;
};
