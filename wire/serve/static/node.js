// A node of the picture: a side of connections, by its address, with what it has sent and received.
import { say, many, number, ago, element, change } from "./words.js";

const NEW = 10; // seconds for which it is said that a side has joined
const WAITS = 0.3; // seconds until something that is not answered is said to be waited for

export class Node {
  constructor(pick) {
    this.item = element("li", "node");
    this.button = element("button");
    this.button.type = "button";
    const parts = ["role", "sign", "host", "state", "count", "topics"];
    this.parts = Object.fromEntries(parts.map((part) => [part, element("span", part)]));
    this.button.append(...Object.values(this.parts));
    this.item.append(this.button);
    this.button.addEventListener("click", () => pick(this.connection));
  }

  // `level`: 0 with all it has, 1 in two lines, 2 in one.
  show(node, now, level) {
    const [kind, sign, alone] = state(node, now);
    const times = node.open > 1 ? ` ×${number(node.open)}` : "";
    const said = alone + times;
    this.item.dataset.state = kind;
    this.connection = node.last.number;
    change(this.parts.role, level ? node.role + times : node.role);
    change(this.parts.sign, sign);
    change(this.parts.host, level ? tail(node.host, times ? 1 : 3 - level) : node.host);
    change(this.parts.state, said);
    const topics = node.topics.join(", "), both = [counts(node), topics].filter(Boolean);
    change(this.parts.count, level ? both.join(" · ") : counts(node));
    this.button.title = level ? [`${node.role} ${node.host}: ${said}`, ...both].join(" · ") : "";
    change(this.parts.topics, topics);
  }
}

// The end of an address, which tells those of a network apart.
const tail = (host, parts) => {
  const mark = host.includes(":") ? ":" : ".";
  return `${mark}${host.split(mark).slice(-parts).join(mark)}`;
};

const counts = ({ role, sent, received }) => {
  if (role === "PULL") return many("jobs", received);
  const said = [];
  if (sent) said.push(say("out", { n: number(sent) }));
  if (received) said.push(say("in", { n: number(received) }));
  return said.join(" ");
};

// What is not answered of a connection, once that has lasted a while.
export const waiting = (connection, now) =>
  connection.open && connection.waits && now - connection.waits.since > WAITS
    ? connection.waits : null;

// A side that ended its last connection has left; of the other one nothing is known.
const state = ({ open, last, side, waits }, now) => {
  if (waits && waits.side === side)
    return ["waits", "◔", say(`waits-${waits.for}`, { ago: ago(now - waits.since) })];
  if (waits) return ["waits", "◔", say("silent")];
  if (open) {
    const age = now - last.began;
    return !last.late && age < NEW ? ["new", "●", say("joined", { ago: ago(age) })]
      : ["there", "●", say("connected")];
  }
  if (last.ended_by === side) {
    if (last.how === "refused") return ["bad", "✕", say("refused")];
    if (last.how === "rst") return ["bad", "✕", say("broken", { ago: ago(now - last.ended) })];
    return ["left", "○", say("gone", { ago: ago(now - last.ended) })];
  }
  return ["left", "○", say("idle")];
};

// The nodes of some connections, by side and address.
export const nodes = (state, connections, now) => {
  const found = { client: new Map(), server: new Map() };
  for (const connection of connections) {
    const waits = waiting(connection, now);
    for (const side of ["client", "server"]) {
      const other = side === "client" ? "server" : "client";
      const { host, role } = connection[side];
      const node = found[side].get(host)
        ?? { host, role, side, open: 0, last: connection, sent: 0, received: 0, topics: [] };
      node.open += connection.open;
      node.sent += state.sent(connection, side);
      node.received += state.sent(connection, other);
      if (connection.open || (!node.last.open && connection.ended >= node.last.ended))
        node.last = connection;
      if (waits) node.waits = waits;
      if (role === "SUB" || role === "XSUB")
        for (const topic of connection.subscribed)
          if (!node.topics.includes(topic || say("everything")))
            node.topics.push(topic || say("everything"));
      found[side].set(host, node);
    }
  }
  return found;
};
