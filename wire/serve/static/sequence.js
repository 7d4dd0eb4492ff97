// The sequence diagram of one connection, as the program draws it.
import { say, many, moment, span, element } from "./words.js";
import { svg, draw } from "./svg.js";
import { Listbox } from "./listbox.js";

const SMALL = 20; // units: the height of a single message of a run that is unfolded

export class Sequence extends Listbox {
  constructor(scroll, selected) {
    super(scroll, svg("svg", { class: "drawing rows", role: "listbox", tabindex: "0",
      "aria-labelledby": "heading" }), selected);
    this.head = svg("svg", { class: "drawing head", "aria-hidden": "true" });
    this.empty = element("p", "empty");
    Object.assign(this, { shown: null, topic: "", since: "first", unfolded: new Set() });
    this.rows.addEventListener("click", (event) => {
      if (event.target.closest(".fold")) this.fold();
    });
  }

  show(state, connection, hint) {
    if (connection?.number !== this.shown?.number) [this.key, this.unfolded] = [null, new Set()];
    Object.assign(this, { state, shown: connection });
    if (!connection) {
      this.empty.textContent = hint;
      this.scroll.replaceChildren(this.empty);
      return;
    }
    const { atEnd } = this;
    this.drawHead(connection.head);
    this.place();
    if (this.rows.parentNode !== this.scroll) this.scroll.replaceChildren(this.head, this.rows);
    if (atEnd && this.key === null) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  drawHead({ height, shapes }) {
    const key = JSON.stringify([shapes, this.since]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.head.setAttribute("viewBox", `0 0 ${this.state.width} ${height}`);
    this.head.replaceChildren();
    draw(this.head, shapes);
    if (this.since !== "first") this.head.querySelector(".time").textContent = say("before");
  }

  // Put the rows below one another; a row that has not changed is not drawn again.
  place() {
    const { state, shown } = this;
    const known = new Map([...this.rows.children].map((group) => [group.dataset.key, group]));
    const groups = [];
    let y = 0, phase = "", at = -1, hidden = 0, before = null;
    const put = (key, height, make) => {
      const group = known.get(key) ?? make(svg("g", { "data-key": key }));
      if (group.dataset.y !== String(y)) {
        group.dataset.y = y;
        group.setAttribute("transform", `translate(0 ${y})`);
      }
      y += height;
      groups.push(group);
      return group;
    };
    const note = (text) => put(`note ${text}`, 30, (group) => draw(group, [
      ["text", "said", { x: String(state.width / 2 + 50), y: "19" }, `⋮ ${text} ⋮`]]));
    for (const row of [...shown.rowsAt.values()].sort((a, b) => a.index - b.index)) {
      if (row.index > at + 1) {
        note(many("skipped", row.index - at - 1));
        phase = "";
      }
      at = row.index;
      if (this.topic && row.topic && row.topic !== this.topic) {
        hidden += 1;
        continue;
      }
      if (row.phase !== phase) {
        phase = row.phase;
        const title = state.titles[phase], took = shown.took[phase] ?? "";
        put(`title ${row.index} ${phase} ${took}`, title.height,
          (group) => this.title(group, title, took));
      }
      const key = [shown.number, row.index, row.packets, row.said, row.who].join(" ");
      const group = put(key, row.height, (made) => this.make(made, row));
      this.stamp(group, row.time, before);
      row.before = before ?? undefined;
      before = row.last_time;
      if (row.count > 1 && this.unfolded.has(row.index)) this.single(row, put, note);
    }
    if (hidden) note(many("other", hidden));
    const order = groups.every((group, index) => group === this.rows.children[index]);
    if (!order || groups.length !== this.rows.children.length) this.rows.replaceChildren(...groups);
    this.rows.setAttribute("viewBox", `0 0 ${state.width} ${y + 4}`);
    this.mark();
  }

  title(group, title, took) {
    draw(group, title.shapes);
    if (took) group.querySelector(".phase").textContent += `: ${took}`;
    return group;
  }

  // Write the time of a row, since the first packet or since the row before.
  stamp(group, time, before) {
    const after = before === null ? "" : `+${span(time - before)}`;
    const said = this.since === "first" ? moment(time) : after;
    const text = group.querySelector(".time");
    if (text && text.textContent !== said) text.textContent = said;
  }

  make(group, row) {
    this.option(group, row.index, row.height, row);
    draw(group, row.shapes);
    if (row.count > 1) {
      const said = say(this.unfolded.has(row.index) ? "fold" : "unfold");
      draw(group, [["text", "fold", { x: String(this.state.width - 6), y: "14" }, said]]);
    }
    this.pick(group, row.height);
    return group;
  }

  option(group, at, height, { packets, who, said }) {
    group.setAttribute("role", "option");
    group.id = `row${at}`;
    group.dataset.at = at;
    group.setAttribute("aria-label", `${say("packet", { packet: packets })}, ${who}: ${said}`);
  }

  pick(group, height) {
    const width = this.state.width - 4;
    group.append(svg("rect", { class: "pick", x: 2, y: 1, width, height: height - 2 }));
    group.append(...group.querySelectorAll(".fold")); // above it, to be pressed
  }

  // The single messages of a run, as far as they are known.
  single(row, put, note) {
    const [left, right] = this.state.lifelines;
    const events = this.singles(row);
    if (events.length < row.count) note(many("earlier", row.count - events.length));
    let before = null;
    for (const event of events) {
      const group = put(`event ${event.step}`, SMALL, (made) => {
        const [width, height] = [String(this.state.width), String(SMALL + 0.5)];
        this.option(made, `${row.index}.${event.step}`, SMALL, { ...event, packets: event.packet });
        draw(made, [["rect", "band-message", { x: "0", y: "0", width, height }],
          ["path", "life", { d: `M${left},0 V${SMALL} M${right},0 V${SMALL}` }],
          ["text", "packet", { x: "90", y: "14" }, String(event.packet)],
          ["text", "time", { x: "176", y: "14" }],
          ["text", "said", { x: String((left + right) / 2), y: "14" },
            event.onward ? `${event.said} ▸` : `◂ ${event.said}`]]);
        this.pick(made, SMALL);
        return made;
      });
      this.stamp(group, event.time, before);
      before = event.time;
    }
  }

  singles(row) {
    return this.state.events.filter((event) =>
      event.connection === row.connection && event.index === row.index);
  }

  // Unfold the selected run, or fold it.
  fold() {
    const at = Number(this.key?.split(".")[0]), row = this.shown?.rowsAt.get(at);
    if (!row || row.count < 2) return;
    if (!this.unfolded.delete(at)) this.unfolded.add(at);
    this.rows.replaceChildren();
    this.place();
    this.select(String(at));
  }

  // What the bytes are shown of, by its key: a row, or a message of a run.
  item(key) {
    const [index, step] = key.split(".").map(Number), row = this.shown?.rowsAt.get(index);
    if (!row || step === undefined) return row ?? null;
    const event = this.singles(row).find((each) => each.step === step);
    return event ? { octets: row.octets, ...event, packets: String(event.packet) } : row;
  }
}
