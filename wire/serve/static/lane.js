// A lane of the picture: its nodes, those that connect on the left, those that bind on the right,
// and the lines between them.
import { say, number, ago, element } from "./words.js";
import { svg } from "./svg.js";
import { Plot } from "./plot.js";
import { Animation } from "./animation.js";

const FULL = 6, SMALL = 2.75; // em: the height of a node, with all its lines and with two
const NEW = 10; // seconds for which it is said that a side has joined

export class Lane {
  constructor(pattern, client, server, pick) {
    Object.assign(this, { pattern, client, server, pick });
    this.box = element("section", "lane");
    this.box.setAttribute("aria-label", pattern);
    this.plot = new Plot(pattern);
    this.port = element("span", "port");
    const head = element("header");
    const rate = element("p", "rate");
    rate.append(this.plot.now, this.plot.peak);
    head.append(element("h2", "", pattern), this.port, rate, this.plot.drawing);
    this.wire = element("div", "wire");
    this.lines = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.sides = { client: element("ul", "side"), server: element("ul", "side") };
    this.more = { client: element("li", "more"), server: element("li", "more") };
    this.empty = element("p", "empty", say("nothing"));
    this.wire.append(this.lines, this.sides.client, this.empty, this.sides.server);
    this.box.append(head, this.wire);
    this.nodes = new Map();
    this.animation = new Animation(this.wire, (connection) => this.ends(connection));
    new ResizeObserver(() => this.draw()).observe(this.wire);
    this.show([], 0);
  }

  // Show the nodes of these connections, which are all of this pattern.
  show(connections, now) {
    this.connections = connections;
    const found = { client: new Map(), server: new Map() };
    for (const c of connections)
      for (const side of ["client", "server"]) {
        const node = found[side].get(c[side].host) ?? { ...c[side], side, open: 0, last: c };
        node.open += c.open;
        if (c.open || (!node.last.open && c.ended >= node.last.ended)) node.last = c;
        found[side].set(node.host, node);
      }
    const ports = new Set(connections.map((c) => c.server.port));
    this.port.textContent = ports.size === 1 ? say("port", { port: [...ports][0] }) : "";
    this.empty.hidden = connections.length > 0;
    const lists = ["client", "server"].map((side) => this.list(side, [...found[side].values()], now));
    const key = [...lists, ...connections.map((c) => c.number + c.open)].join();
    if (key !== this.key) this.draw();
    this.key = key;
  }

  // Show as many nodes as there is room for, those that are connected first.
  list(side, nodes, now) {
    const em = parseFloat(getComputedStyle(this.wire).fontSize);
    const room = (this.wire.clientHeight || 200) / em;
    const compact = nodes.length * FULL > room;
    const most = Math.max(1, Math.floor((room - 1.4) / SMALL));
    const shown = !compact || nodes.length * SMALL <= room ? nodes
      : nodes.sort((a, b) => (b.open > 0) - (a.open > 0) || b.last.number - a.last.number).slice(0, most);
    const list = this.sides[side];
    list.classList.toggle("compact", compact);
    const items = shown.map((node) => {
      const known = this.nodes.get(side + node.host);
      const item = known ?? this.node(side, node.host);
      const [kind, sign, said] = this.state(node, now);
      item.dataset.state = kind;
      item.connection = node.last.number;
      const texts = [node.role, node.name || node.host, node.host, sign, said];
      texts.forEach((text, at) => {
        if (item.children[at].textContent !== text) item.children[at].textContent = text;
      });
      return item;
    });
    if (!items.length) {
      const item = element("li", "node");
      item.dataset.state = "unseen";
      item.append(element("b", "", this[side]));
      items.push(item);
    }
    const more = shown.length < nodes.length ? this.more[side] : null;
    if (more) {
      more.textContent = say("more", { n: number(nodes.length - shown.length) });
      items.push(more);
    }
    const same = items.every((item, at) => item === list.children[at]);
    if (!same || items.length !== list.children.length) list.replaceChildren(...items);
    return `${shown.map((node) => node.host)} ${nodes.length} ${compact}`;
  }

  node(side, host) {
    const item = element("li", "node");
    item.append(element("b"), ...["name", "host", "sign", "state"].map((c) => element("span", c)));
    item.addEventListener("click", () => this.pick(item.connection));
    this.nodes.set(side + host, item);
    return item;
  }

  // A side that ended its last connection is gone; of the other one nothing is known.
  state(node, now) {
    const { last, side } = node;
    if (node.open) {
      const age = now - last.began;
      return !last.late && age < NEW ? ["new", "●", say("joined", { ago: ago(age) })]
        : ["there", "●", say("connected")];
    }
    if (last.ended_by === "refused" && side === "server") return ["gone", "✕", say("refused")];
    if (last.ended_by === side)
      return ["gone", "✕", say(side === "server" ? "lost_side" : "gone", { ago: ago(now - last.ended) })];
    return ["idle", "○", say("idle")];
  }

  ends(connection) {
    const box = this.wire.getBoundingClientRect();
    const place = (side) => {
      const node = this.nodes.get(side + connection[side].host);
      return (node?.isConnected ? node : this.more[side]).getBoundingClientRect();
    };
    const from = place("client"), to = place("server");
    if (!from.width || !to.width || !box.width) return null;
    return [from.right - box.left, from.top + from.height / 2 - box.top,
      to.left - box.left, to.top + to.height / 2 - box.top];
  }

  draw() {
    const paths = new Map();
    for (const c of this.connections ?? []) {
      const at = this.ends(c);
      const key = at?.join();
      if (at && (c.open || !paths.has(key))) paths.set(key, [at, c.open]);
    }
    this.lines.replaceChildren(...[...paths.values()].flatMap(([[x, y, u, v], open]) => {
      const angle = Math.atan2(v - y, u - x), kind = open ? "line" : "line closed";
      const cut = (turn) => `${u - 11 * Math.cos(angle + turn)},${v - 11 * Math.sin(angle + turn)}`;
      return [svg("path", { class: kind, d: `M${x},${y} L${u},${v}` }),
        svg("path", { class: `${kind} head`, d: `M${cut(0.45)} L${u},${v} L${cut(-0.45)}` })];
    }));
  }
}
