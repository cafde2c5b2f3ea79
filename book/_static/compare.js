// Before and after: the panels of a picture that share a stretch take turns under a slider, the residual stays beside.
// What lies where in the picture stands in the page. Without this script, and on paper, all panels show side by side.
document.addEventListener("DOMContentLoaded", () => {
  for (const data of document.querySelectorAll("figure script.compare")) compare(data);
});

const make = (name, kind = "", content = []) => {
  const element = document.createElement(name);
  element.className = kind;
  element.append(...content);
  return element;
};

const compare = (data) => {
  const { shape, layers, residuals } = JSON.parse(data.textContent);
  const image = data.closest("figure").querySelector("img");
  const picture = image.closest("a") ?? image;

  // A part of the picture, as wide as its column; `scale` is for parts that are wider or narrower than their image.
  const cut = (element, [left, top, right, bottom], scale = 1) => {
    const [width, height] = [right - left, bottom - top];
    const place = `${(100 * left) / (1 - width)}% ${(100 * top) / (1 - height)}%`;
    element.style.background = `url("${image.src}") ${place} / ${100 / width}% ${100 / height}% no-repeat`;
    element.style.aspectRatio = `${width} / ${height * shape}`;
    element.style.width = `${100 * scale}%`;
  };
  const cutBar = (element, { box, bar }) => {
    element.hidden = !bar;
    if (bar) cut(element, bar, (bar[2] - bar[0]) / (box[2] - box[0]));
  };
  const choice = (side, chosen) => {
    const select = make("select", "", layers.map((layer, index) => new Option(layer.title, index)));
    select.ariaLabel = `image on the ${side}`;
    select.value = chosen;
    select.disabled = layers.length < 3;
    select.addEventListener("change", update);
    return select;
  };

  const update = () => {
    const [before, after] = [layers[left.value], layers[right.value]];
    cut(under, before.box);
    cut(over, after.box);
    cutBar(bar, before);
    over.style.clipPath = `inset(0 0 0 ${range.value}%)`;
    edge.style.left = `${range.value}%`;
    range.setAttribute("aria-valuetext", `${range.value} % ${before.title}, ${100 - range.value} % ${after.title}`);
    const residual = residuals[after.residual];
    rest.hidden = !residual;
    if (!residual) return;
    title.textContent = residual.title;
    cut(beside, residual.box);
    cutBar(besideBar, residual);
  };

  const [under, over, edge] = [make("div"), make("div"), make("div", "compare-edge")];
  const [bar, beside, besideBar] = [make("div", "compare-bar"), make("div"), make("div", "compare-bar")];
  const last = layers.findLastIndex((layer) => "residual" in layer);
  const [left, right] = [choice("left", 0), choice("right", last > 0 ? last : layers.length - 1)];
  const range = make("input");
  Object.assign(range, { type: "range", min: 0, max: 100, value: 50, ariaLabel: "share of the image on the left" });
  range.addEventListener("input", update);
  const stage = make("div", "compare-stage", [under, over, edge]);
  const drag = (event) => {
    if (!event.buttons) return;
    range.value = (100 * event.offsetX) / stage.clientWidth;
    update();
  };
  for (const kind of ["pointerdown", "pointermove"]) stage.addEventListener(kind, drag);
  const title = make("p", "compare-title");
  const rest = make("div", "compare-side", [title, beside, besideBar]);
  const main = make("div", "compare-side", [make("p", "compare-title", [left, right]), stage, bar, range]);
  const pair = make("div", "compare-pair", [main, rest]);
  const button = make("button", "compare-all", ["All panels side by side"]);
  button.type = "button";
  button.addEventListener("click", () => {
    pair.hidden = !pair.hidden;
    picture.hidden = !pair.hidden;
    button.textContent = pair.hidden ? "One over the other" : "All panels side by side";
  });

  const view = make("div", "compare", [pair, button]);
  view.role = "group";
  view.ariaLabel = image.alt;
  picture.hidden = true;
  picture.classList.add("compared");
  picture.after(view);
  update();
};
