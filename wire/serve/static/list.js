// Everything: the events of all connections, in the order of packets.
import { words, say, many, moment, span, element, change } from "./words.js";
import { Listbox } from "./listbox.js";

const MOST = 400; // rows that are shown: the last ones

export class List extends Listbox {
  constructor(scroll, selected) {
    super(scroll, element("div", "list"), selected);
    this.rows.setAttribute("role", "listbox");
    this.rows.setAttribute("aria-label", say("everything-listed"));
    this.rows.tabIndex = 0;
    this.note = element("p", "empty");
    this.head = element("div", "event head");
    this.head.append(...words.columns.map((text) => element("span", "", text)));
    this.head.setAttribute("aria-hidden", "true"); // a row says it all
    Object.assign(this, { since: "first", text: "", known: new Map() });
  }

  show(state, connections, topic) {
    const { atEnd } = this, wanted = this.text.toLocaleLowerCase();
    const picked = new Set(connections.map((connection) => connection.number));
    const fits = (event) => (event.skipped ? !wanted : picked.has(event.connection)
      && (!topic || !event.topic || event.topic === topic)
      && (!wanted || `${event.who} ${event.said}`.toLocaleLowerCase().includes(wanted)));
    const all = state.events.filter(fits).sort((a, b) => a.packet - b.packet);
    this.state = state;
    this.found = all.length;
    const events = all.slice(-MOST), rows = [], known = new Map();
    let before = null;
    for (const event of events) {
      const row = this.known.get(event) ?? this.make(event);
      known.set(event, row);
      if (!event.skipped) {
        change(row.children[1], this.since === "first" ? moment(event.time)
          : before === null ? "" : `+${span(event.time - before)}`);
        event.before = before ?? undefined;
        before = event.time;
      }
      rows.push(row);
    }
    this.known = known;
    const same = rows.length === this.rows.children.length
      && rows.every((row, at) => row === this.rows.children[at]);
    if (!same) this.rows.replaceChildren(...rows);
    this.mark();
    change(this.note, wanted && !all.length ? say("nowhere", { text: this.text })
      : all.length ? "" : say("empty"));
    this.note.hidden = !this.note.textContent;
    this.head.hidden = !all.length;
    change(this.head.children[1], this.since === "first" ? words.columns[1] : say("before"));
    if (this.rows.parentNode !== this.scroll)
      this.scroll.replaceChildren(this.head, this.rows, this.note);
    if (atEnd && this.key === null) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  make(event) {
    if (event.skipped)
      return element("p", "skipped", `⋮ ${many("fast", event.skipped)} ⋮`);
    const row = element("div", `event ${event.look}`);
    row.setAttribute("role", "option");
    row.id = `event${event.step}`;
    row.dataset.at = event.step;
    row.append(element("span", "packet", String(event.packet)), element("span", "time"),
      element("span", "number", `[${event.connection}]`), element("span", "who", event.who),
      element("span", "said", event.said));
    return row;
  }

  item(key) {
    const event = this.state?.events.find((each) => each.step === Number(key));
    if (!event) return null;
    const row = this.state.connections.get(event.connection)?.rowsAt.get(event.index);
    return { octets: row?.octets ?? [], ...event, packets: String(event.packet) };
  }
}
