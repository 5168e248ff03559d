for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const head = button.parentElement;
      const column = head.cellIndex;
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      const numeric = head.dataset.kind === "number";
      const order = Array.from(body.rows).sort((a, b) => {
        const x = a.cells[column], y = b.cells[column];
        if (!numeric) return sign * x.textContent.localeCompare(y.textContent, undefined, {numeric: true});
        if (x.dataset.value === y.dataset.value) return 0;
        if (x.dataset.value === "") return 1;
        if (y.dataset.value === "") return -1;
        return sign * (Number(x.dataset.value) - Number(y.dataset.value));
      });
      body.append(...order);
    });
  }
}
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.printed")) part.open = true;
});
for (const button of document.querySelectorAll("button.save")) {
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = button.closest("figure").querySelector("img").src;
    link.download = button.dataset.name;
    link.click();
  });
}
