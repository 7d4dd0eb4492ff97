// The sequence diagram of one connection, as the program draws it, and the bytes of one arrow.
import { say, number, element } from "./words.js";
import { svg, draw } from "./svg.js";

export class Sequence {
  constructor(follow) {
    const find = (id) => document.getElementById(id);
    Object.assign(this, { follow, selected: null, shown: null, topic: "" });
    this.tabs = find("tabs");
    this.heading = find("heading");
    this.scroll = find("scroll");
    this.what = find("what");
    this.close = find("close");
    this.table = document.querySelector("#bytes table");
    this.empty = element("p", "empty");
    this.head = svg("svg", { class: "drawing head", "aria-hidden": "true" });
    this.rows = svg("svg", { class: "drawing rows", role: "listbox", tabindex: "0",
      "aria-labelledby": "heading" });
    this.close.addEventListener("click", () => this.unselect());
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.select(Number(row.dataset.at));
    });
    this.tell();
  }

  // The connections as tabs, the newest first.
  list(connections, now, choose) {
    const tabs = connections.map((connection) => {
      const { number, client, server, open } = connection;
      const tab = this.tabs.querySelector(`[data-connection="${number}"]`) ?? element("button");
      const said = `${open ? "●" : "✕"} ${number}  ${client.name || client.role} → ${server.name || server.role}`;
      if (tab.textContent !== said) tab.textContent = said;
      if (!tab.dataset.connection) {
        tab.type = "button";
        tab.dataset.connection = number;
        tab.setAttribute("role", "tab");
        tab.addEventListener("click", () => choose(number));
      }
      tab.title = say(open ? "open" : "closed");
      const here = connection === this.shown;
      tab.setAttribute("aria-selected", here);
      tab.tabIndex = here ? 0 : -1;
      return tab;
    });
    const same = tabs.length === this.tabs.children.length
      && tabs.every((tab, at) => tab === this.tabs.children[at]);
    if (!same) this.tabs.replaceChildren(...tabs);
    if (same && this.shown?.number === this.tabbed) return;
    this.tabbed = this.shown?.number;
    const here = tabs[connections.indexOf(this.shown)]?.getBoundingClientRect();
    const all = this.tabs.getBoundingClientRect();
    if (here?.left < all.left) this.tabs.scrollLeft += here.left - all.left;
    else if (here?.right > all.right) this.tabs.scrollLeft += here.right - all.right;
  }

  show(state, connection, hint) {
    if (connection !== this.shown || !connection) {
      if (connection?.number !== this.shown?.number) this.unselect();
      this.shown = connection;
    }
    if (!connection) {
      this.heading.textContent = "";
      this.empty.textContent = hint;
      return this.scroll.replaceChildren(this.empty);
    }
    this.heading.textContent = `${connection.number}. ${connection.pattern}: ${connection.heading}`;
    const { scroll } = this;
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
    this.head.setAttribute("viewBox", `0 0 ${state.width} ${connection.head.height}`);
    this.head.replaceChildren();
    draw(this.head, connection.head.shapes);
    this.place(state, connection);
    if (this.rows.parentNode !== scroll) scroll.replaceChildren(this.head, this.rows);
    if (atEnd && this.selected === null) scroll.scrollTop = scroll.scrollHeight;
    return null;
  }

  // Put the rows below one another; a row that has not changed is not drawn again.
  place(state, connection) {
    const known = new Map([...this.rows.children].map((g) => [g.dataset.key, g]));
    const groups = [];
    let y = 0, phase = "", at = -1, hidden = 0;
    const put = (key, height, make) => {
      const group = known.get(key) ?? make(svg("g", { "data-key": key }));
      if (group.dataset.y !== String(y)) {
        group.dataset.y = y;
        group.setAttribute("transform", `translate(0 ${y})`);
      }
      y += height;
      groups.push(group);
    };
    const note = (key, text) => put(key, 30, (g) => draw(g, [
      ["text", "said", { x: String(state.width / 2 + 50), y: "19" }, `⋮ ${text} ⋮`]]));
    for (const row of [...connection.rowsAt.values()].sort((a, b) => a.index - b.index)) {
      if (row.index > at + 1) {
        const left = row.index - at - 1;
        note(`skip${row.index}-${left}`, say("skipped", { n: number(left) }));
        phase = "";
      }
      at = row.index;
      if (this.topic && row.topic && row.topic !== this.topic) {
        hidden += 1;
        continue;
      }
      if (row.phase !== phase) {
        phase = row.phase;
        const title = state.titles[phase];
        put(`title${row.connection}-${row.index}-${phase}`, title.height, (g) => draw(g, title.shapes));
      }
      put(`row${row.connection}-${row.index}-${row.packets}-${row.said}-${row.who}`, row.height,
        (g) => this.make(g, row, state.width));
    }
    if (hidden) note(`other${hidden}`, say("other", { n: number(hidden) }));
    const order = groups.every((g, i) => g === this.rows.children[i]);
    if (!order || groups.length !== this.rows.children.length) this.rows.replaceChildren(...groups);
    this.rows.setAttribute("viewBox", `0 0 ${state.width} ${y + 4}`);
    this.mark();
  }

  make(group, row, width) {
    group.setAttribute("role", "option");
    group.id = `row${row.index}`;
    group.dataset.at = row.index;
    group.dataset.time = row.time;
    group.setAttribute("aria-label",
      `${say("packet", { packet: row.packets })}, ${row.who}: ${row.said}`);
    draw(group, row.shapes);
    group.append(svg("rect", { class: "pick", x: 2, y: 1, width: width - 4, height: row.height - 2 }));
    return group;
  }

  mark() {
    for (const group of this.rows.querySelectorAll("[role=option]"))
      group.setAttribute("aria-selected", Number(group.dataset.at) === this.selected);
    const row = this.shown?.rowsAt.get(this.selected);
    if (row && row.said !== this.told) this.tell(row);
  }

  options() {
    return [...this.rows.querySelectorAll("[role=option]")].map((g) => Number(g.dataset.at));
  }

  move(by) {
    const all = this.options();
    if (!all.length) return;
    const here = all.indexOf(this.selected);
    const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by;
    this.select(all[Math.max(0, Math.min(all.length - 1, next))]);
  }

  select(at) {
    this.selected = at;
    this.follow(false);
    this.mark();
    this.tell(this.shown?.rowsAt.get(at));
    this.rows.setAttribute("aria-activedescendant", `row${at}`);
    this.reveal();
  }

  // Scroll to the selected row, which the head would hide above it.
  reveal() {
    this.scroll.style.scrollPaddingTop = `${this.head.getBoundingClientRect().height}px`;
    document.getElementById(`row${this.selected}`)?.scrollIntoView({ block: "nearest" });
  }

  unselect() {
    this.selected = null;
    this.rows.removeAttribute("aria-activedescendant");
    this.mark();
    this.tell();
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  // Show the bytes of a row, part by part.
  tell(row) {
    this.told = row?.said;
    this.close.hidden = !row;
    this.table.hidden = !row?.octets.length;
    if (!row) {
      this.what.textContent = say("choose");
      return;
    }
    let said = `${say("packet", { packet: row.packets })} · ${row.who} · ${row.said}`;
    if (!row.octets.length) said += `. ${say("nobytes")}`;
    else if (row.packets.includes("–")) said += `. ${say("first")}`;
    this.what.textContent = said;
    this.table.tBodies[0].replaceChildren(...row.octets.map(([part, hex, text, meaning]) => {
      const line = element("tr");
      line.append(element("th", "", part), element("td", "hex", hex), element("td", "hex", text),
        element("td", "", meaning));
      line.firstChild.scope = "row";
      return line;
    }));
  }
}
