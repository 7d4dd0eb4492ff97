// What a diagram and the list of everything have in common: one of their rows is selected, by a
// click or by the keys, and its bytes are shown.
export class Listbox {
  // `scroll` is where it is shown, `selected` hears of each choice.
  constructor(scroll, rows, selected) {
    Object.assign(this, { scroll, rows, selected, key: null });
    rows.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.select(row.dataset.at);
    });
  }

  get options() {
    return [...this.rows.querySelectorAll("[role=option]")];
  }

  // Select the one so many after the selected one; without one the first, or the last.
  move(by) {
    const keys = this.options.map((option) => option.dataset.at);
    if (!keys.length) return;
    const here = keys.indexOf(this.key);
    const next = here < 0 ? (by > 0 ? 0 : keys.length - 1) : here + by;
    this.select(keys[Math.max(0, Math.min(keys.length - 1, next))]);
  }

  select(key, chosen = true) {
    this.key = key === null ? null : String(key);
    this.mark();
    this.selected(this.key === null ? null : this.item(this.key), chosen);
    this.reveal();
  }

  mark() {
    this.rows.removeAttribute("aria-activedescendant");
    for (const option of this.options) {
      const here = option.dataset.at === this.key;
      if (option.ariaSelected !== String(here)) option.setAttribute("aria-selected", here);
      if (here) this.rows.setAttribute("aria-activedescendant", option.id);
    }
  }

  get atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroll;
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  // Scroll to the selected row, which the head would hide above it, and on a phone the bytes below.
  reveal() {
    const row = this.options.find((option) => option.dataset.at === this.key);
    const panel = document.getElementById("bytes");
    const over = getComputedStyle(panel).position === "fixed" ? panel.offsetHeight : 0;
    this.scroll.style.scrollPaddingTop = `${this.head?.getBoundingClientRect().height ?? 0}px`;
    document.documentElement.style.scrollPaddingBottom = `${over}px`;
    row?.scrollIntoView({ block: "nearest" });
  }
}
