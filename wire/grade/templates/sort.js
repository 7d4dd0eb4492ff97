// A click on the head of a column sorts by it, a second one turns it round.
for (const head of document.querySelectorAll("th button")) {
  head.addEventListener("click", () => {
    const th = head.parentElement, body = th.closest("table").tBodies[0];
    const down = th.ariaSort === "ascending", at = th.cellIndex;
    for (const other of th.parentElement.cells) other.ariaSort = null;
    th.ariaSort = down ? "descending" : "ascending";
    const text = (row) => row.cells[at].textContent;
    const sorted = [...body.rows].sort((a, b) => text(a).localeCompare(text(b), undefined, { numeric: true }));
    body.append(...(down ? sorted.reverse() : sorted));
  });
}
