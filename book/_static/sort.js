// Tables of results sort by the column whose head is pressed, by mouse or keys: numbers by value, what was not run last.
document.addEventListener("DOMContentLoaded", () => {
  for (const head of document.querySelectorAll(".bd-content table.table thead th")) {
    if (!head.textContent.trim()) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.title = "sort by this column";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }
});

const value = (row, column) => {
  const text = row.cells[column].textContent.trim().replace("\u2212", "-").replaceAll(",", "");
  const number = parseFloat(text);
  return Number.isNaN(number) ? text : number;
};

const sort = (head) => {
  const body = head.closest("table").tBodies[0];
  const falling = head.ariaSort !== "descending";
  for (const other of head.parentElement.cells) other.ariaSort = null;
  head.ariaSort = falling ? "descending" : "ascending";
  const rows = [...body.rows].sort((a, b) => {
    const [left, right] = [value(a, head.cellIndex), value(b, head.cellIndex)];
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
    return (left > right ? 1 : left < right ? -1 : 0) * (falling ? -1 : 1);
  });
  body.append(...rows);
};
