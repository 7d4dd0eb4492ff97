// The panel with the bytes of what is selected, part by part.
import { say, moment, span, element } from "./words.js";

export class Bytes {
  constructor(closed) {
    this.panel = document.getElementById("bytes");
    this.what = document.getElementById("what");
    this.close = document.getElementById("close");
    this.table = this.panel.querySelector("table");
    this.close.addEventListener("click", closed);
    this.show(null);
  }

  // `item`: a row of a diagram, or an event of the list; `before`: the time of the one before it.
  show(item, before) {
    this.close.hidden = !item;
    this.table.hidden = !item?.octets.length;
    document.body.classList.toggle("open", Boolean(item));
    if (!item) {
      this.what.textContent = say("choose");
      return;
    }
    const run = item.count > 1;
    const when = [say("seconds", { n: moment(item.time) })];
    if (before !== undefined) when.push(say("later", { span: span(item.time - before) }));
    if (run) when.push(say("until", { time: say("seconds", { n: moment(item.last_time) }) }));
    const said = [say("packet", { packet: item.packets }), when.join(", "), item.who, item.said];
    let text = said.filter(Boolean).join(" · ");
    if (!item.octets.length) text += `. ${say("nobytes")}`;
    else if (run) text += `. ${say("first")}`;
    this.what.textContent = text;
    this.table.tBodies[0].replaceChildren(...item.octets.map((octet) => this.line(octet)));
  }

  line([part, hex, text, meaning]) {
    const line = element("tr"), head = element("th", "", part);
    head.scope = "row";
    line.append(head, element("td", "hex", hex), element("td", "hex", text),
      element("td", "", meaning));
    return line;
  }
}
