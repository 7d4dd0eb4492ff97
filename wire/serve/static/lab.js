// The picture of the lab: a lane for each pattern, the sides that connect on the left, those
// that bind on the right, as in the handout; what passes moves along its line.
import { say, number, ago, element } from "./words.js";
import { svg } from "./shapes.js";
import { Plot } from "./rates.js";

const USUAL = [["REQ-REP", "REQ", "REP"], ["PUB-SUB", "SUB", "PUB"], ["PUSH-PULL", "PULL", "PUSH"]];
const TRAVEL = 800, APART = 150, WAITING = 14; // ms on the way, ms between two, and how many wait
const FULL = 6, SMALL = 2.75; // em: the height of a node, with all its lines and with two
const NEW = 10; // seconds for which it is said that a side has joined

const still = matchMedia("(prefers-reduced-motion: reduce)");

class Lane {
  constructor(pattern, client, server, pick) {
    Object.assign(this, { pattern, client, server, pick, queues: new Map() });
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
    const key = [...lists, ...connections.map((c) => c.n + c.open)].join();
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
      : nodes.sort((a, b) => (b.open > 0) - (a.open > 0) || b.last.n - a.last.n).slice(0, most);
    const list = this.sides[side];
    list.classList.toggle("compact", compact);
    const items = shown.map((node) => {
      const known = this.nodes.get(side + node.host);
      const item = known ?? this.node(side, node.host);
      const [kind, sign, said] = this.state(node, now);
      item.dataset.state = kind;
      item.n = node.last.n;
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
    item.addEventListener("click", () => this.pick(item.n));
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
    if (last.by === "refused" && side === "server") return ["gone", "✕", say("refused")];
    if (last.by === side)
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

  // Let something pass; what comes too fast to be told apart goes together, with its number.
  pass(connection, passing) {
    const key = connection.n + passing.side;
    if (!this.queues.has(key)) this.queues.set(key, []);
    const queue = this.queues.get(key);
    const last = queue[queue.length - 1];
    const alike = last && last.look === passing.look && passing.look === "message";
    if (alike && (queue.length > 3 || passing.n > 1)) {
      last.n += passing.n;
      last.text = passing.text;
    } else if (queue.length < WAITING) queue.push({ ...passing });
    if (!queue.timer) this.send(connection, key, queue);
  }

  send(connection, key, queue) {
    const next = queue.shift();
    if (!next) return void this.queues.delete(key);
    const at = this.ends(connection);
    const after = at && !document.hidden ? this.move(next, at) : APART;
    queue.timer = setTimeout(() => this.send(connection, key, queue), after);
  }

  // Let one thing move; return the ms until the next one has room behind it.
  move(passing, ends) {
    const onward = passing.side === "client";
    const [x, y, u, v] = onward ? ends : [ends[2], ends[3], ends[0], ends[1]];
    const token = element("span", `token ${passing.look}`);
    token.append(element("span", "", onward ? `${passing.text} ▸` : `◂ ${passing.text}`));
    if (passing.n > 1) token.append(element("b", "", `×${number(passing.n)}`));
    token.style.maxWidth = `${Math.abs(u - x) * 0.55}px`;
    this.wire.append(token);
    const lift = onward ? "-108%" : "8%"; // there above the line, back below it
    const place = (a, b) => `translate(${a}px, ${b}px) translate(-50%, ${lift})`;
    const middle = place((x + u) / 2, (y + v) / 2);
    const frames = still.matches ? [{ transform: middle }, { transform: middle }]
      : [{ transform: place(x, y), opacity: 0.3 }, { opacity: 1, offset: 0.2 },
        { opacity: 1, offset: 0.85 }, { transform: place(u, v), opacity: 0.3 }];
    const end = () => token.remove();
    token.animate(frames, { duration: TRAVEL }).finished.then(end, end);
    if (still.matches) return TRAVEL / 2;
    return Math.max(APART, TRAVEL * (token.offsetWidth + 6) / Math.abs(u - x));
  }
}

export class Lab {
  constructor(box, pick) {
    Object.assign(this, { box, pick, lanes: new Map() });
    for (const usual of USUAL) this.lane(...usual);
  }

  lane(pattern, client, server) {
    const lane = new Lane(pattern, client, server, this.pick);
    this.lanes.set(pattern, lane);
    this.box.append(lane.box);
    return lane;
  }

  show(state, now, picked) {
    const groups = new Map([...this.lanes.keys()].map((pattern) => [pattern, []]));
    for (const c of state.connections.values()) {
      if (!groups.has(c.pattern)) groups.set(c.pattern, []);
      groups.get(c.pattern).push(c);
    }
    for (const [pattern, connections] of groups) {
      const lane = this.lanes.get(pattern)
        ?? this.lane(pattern, connections[0].client.role, connections[0].server.role);
      lane.box.hidden = Boolean(picked) && picked !== pattern;
      lane.show(connections, now);
    }
    this.tick(state, now);
  }

  tick(state, now) {
    for (const [pattern, lane] of this.lanes) lane.plot.show(state.rates.get(pattern), now);
  }

  pass(state, passing) {
    const connection = state.connections.get(passing.c);
    const lane = connection && this.lanes.get(connection.pattern);
    if (lane && !lane.box.hidden) lane.pass(connection, passing);
  }
}
