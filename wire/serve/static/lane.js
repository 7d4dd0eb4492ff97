// A lane of the picture: those that connect on the left, those that bind on the right, and the
// lines between them. Here is where everything stands; what moves is in animation.js.
import { say, number, element, change } from "./words.js";
import { svg } from "./svg.js";
import { Plot } from "./plot.js";
import { Animation } from "./animation.js";
import { Node, nodes, waiting } from "./node.js";

const HEIGHTS = [5.6, 2.65, 1.7]; // em: of a node with all it has, in two lines, and in one
const STAYS = 60; // seconds for which a node is shown that has left
const LARGE = 1.45; // times: the letters of the view for projecting, while there is room

let letter = 0;
const em = () => {
  letter ||= parseFloat(getComputedStyle(document.documentElement).fontSize);
  return letter;
};
addEventListener("resize", () => { letter = 0; });

export class Lane {
  constructor(pattern, [client, server], usual, pick) {
    Object.assign(this, { pattern, client, server, usual, pick, nodes: new Map() });
    this.box = element("section", "lane");
    this.box.setAttribute("aria-label", pattern);
    this.plot = new Plot(pattern);
    this.port = element("span", "port");
    const head = element("header"), rate = element("p", "rate");
    rate.append(this.plot.now, this.plot.peak);
    head.append(element("h2", "", pattern), this.port, rate, this.plot.drawing);
    this.wire = element("div", "wire");
    this.lines = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.sides = { client: element("ul", "side"), server: element("ul", "side") };
    this.more = { client: element("li", "more"), server: element("li", "more") };
    this.empty = element("p", "empty");
    this.wire.append(this.lines, this.sides.client, this.empty, this.sides.server);
    this.box.append(head, this.wire);
    this.animation = new Animation(this.wire, (connection) => this.line(connection));
    new ResizeObserver(() => {
      this.height = this.wire.clientHeight;
      this.draw();
    }).observe(this.wire);
  }

  // Show the nodes of these connections, which are all of this pattern.
  show(state, connections, now) {
    const found = nodes(state, connections, now);
    this.connections = connections;
    const ports = new Set(connections.map((c) => c.server.port));
    change(this.port, ports.size === 1 ? say("port", { port: [...ports][0] }) : "");
    this.hint(connections.length);
    const lists = ["client", "server"].map((side) => stay([...found[side].values()], now));
    this.fit(Math.max(...lists.map((list) => list.length)));
    const shown = ["client", "server"].map((side, at) => this.list(side, lists[at], now));
    this.waits = new Set(connections.filter((c) => waiting(c, now)).map((c) => c.number));
    const key = [...shown, ...this.waits, ...connections.map((c) => `${c.number}${c.open}`)].join();
    if (key !== this.key) this.draw();
    else this.animation.settle(connections);
    this.key = key;
  }

  hint(count) {
    this.empty.hidden = count > 0;
    if (this.empty.firstChild) return;
    const typed = document.body.dataset.mode === "live" && this.usual;
    this.empty.append(say(typed ? "nothing" : "none"));
    if (typed) this.empty.append(element("code", "", say(`type-${this.pattern}`)));
  }

  // The view for projecting has large letters, unless fewer nodes had room then.
  fit(count) {
    const large = document.body.dataset.view === "lab";
    const room = (this.height || 200) / em();
    const needed = Math.max(HEIGHTS[0], count * HEIGHTS[1]) * LARGE + 1.2;
    this.large = large && needed <= room;
    this.box.style.setProperty("--nodes", Math.min(count, 12));
    this.box.classList.toggle("large", this.large);
  }

  // Show as many nodes as there is room for, those that are connected first.
  list(side, nodes, now) {
    const room = (this.height || 200) / em() / (this.large ? LARGE : 1);
    const level = HEIGHTS.findIndex((height) => nodes.length * height <= room);
    const most = Math.max(1, Math.floor(room / HEIGHTS[2]) - 1);
    const shown = level >= 0 ? nodes
      : nodes.sort((a, b) => (b.open > 0) - (a.open > 0) || b.last.number - a.last.number)
        .slice(0, most);
    const list = this.sides[side];
    list.dataset.level = level < 0 ? 2 : level;
    const items = shown.map((node) => {
      const key = side + node.host;
      if (!this.nodes.has(key)) this.nodes.set(key, new Node(this.pick));
      this.nodes.get(key).show(node, now, Number(list.dataset.level));
      return this.nodes.get(key).item;
    });
    if (!items.length) {
      const item = element("li", "node unseen", this[side]);
      items.push(list.querySelector(".unseen") ?? item);
    }
    const more = shown.length < nodes.length ? this.more[side] : null;
    if (more) {
      change(more, say("more", { n: number(nodes.length - shown.length) }));
      items.push(more);
    }
    const same = items.every((item, at) => item === list.children[at]);
    if (!same || items.length !== list.children.length) list.replaceChildren(...items);
    return `${shown.map((node) => node.host)} ${nodes.length} ${level}`;
  }

  // The element that stands for a side of a connection: its node, or what says how many more.
  place(connection, side) {
    const node = this.nodes.get(side + connection[side].host)?.item;
    return node?.isConnected ? node : this.more[side].isConnected ? this.more[side] : null;
  }

  // Where the line of a connection begins and ends: lines that share a node keep apart at it.
  line(connection) {
    return this.drawn?.get(connection.number) ?? null;
  }

  draw() {
    const box = this.wire.getBoundingClientRect(), lines = new Map();
    if (!box.width) return;
    for (const c of this.connections ?? []) {
      const from = this.place(c, "client"), to = this.place(c, "server");
      if (!from || !to) continue;
      const { client, server } = this.more;
      const name = [from === client || c.client.host, to === server || c.server.host].join();
      const line = lines.get(name)
        ?? { name, from, to, connections: [], open: false, waits: false };
      line.connections.push(c.number);
      line.open ||= c.open;
      line.waits ||= this.waits.has(c.number);
      lines.set(name, line);
    }
    this.drawn = new Map();
    for (const line of spread([...lines.values()], box))
      for (const number of line.connections) this.drawn.set(number, line);
    this.lines.replaceChildren(...[...lines.values()].flatMap(arrow));
    this.animation.settle(this.connections ?? []);
  }
}

// Leave out nodes that left a while ago, but for the last of a side.
const stay = (nodes, now) => {
  const kept = nodes.filter((node) => node.open || now - node.last.ended < STAYS);
  if (kept.length || !nodes.length) return kept;
  return [nodes.reduce((last, node) => (node.last.ended >= last.last.ended ? node : last))];
};

// Give each line its ends: those at one node one below the other, in the order of the other ends.
const spread = (lines, box) => {
  const centre = (item) => {
    const { top, height } = item.getBoundingClientRect();
    return top + height / 2;
  };
  const at = (item, end, other) => {
    const { top, height } = item.getBoundingClientRect();
    const here = lines.filter((line) => line[end] === item)
      .sort((a, b) => centre(a[other]) - centre(b[other]));
    here.forEach((line, index) => {
      line[`${end}Y`] = top - box.top + height * (index + 0.5) / here.length;
      line.room = Math.min(line.room ?? height, height / here.length);
    });
  };
  for (const item of new Set(lines.map((line) => line.from))) at(item, "from", "to");
  for (const item of new Set(lines.map((line) => line.to))) at(item, "to", "from");
  for (const line of lines)
    line.ends = [line.from.getBoundingClientRect().right - box.left, line.fromY,
      line.to.getBoundingClientRect().left - box.left, line.toY];
  return lines;
};

const arrow = ({ ends: [x, y, u, v], open, waits }) => {
  const angle = Math.atan2(v - y, u - x);
  const kind = waits ? "line waits" : open ? "line" : "line closed";
  const cut = (turn) => `${u - 11 * Math.cos(angle + turn)},${v - 11 * Math.sin(angle + turn)}`;
  return [svg("path", { class: kind, d: `M${x},${y} L${u},${v}` }),
    svg("path", { class: `${kind} head`, d: `M${cut(0.45)} L${u},${v} L${cut(-0.45)}` })];
};
