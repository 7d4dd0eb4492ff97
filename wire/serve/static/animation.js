// What moves: along the line of a connection, one thing behind the other. What has passed last
// stays to be read where its line leaves the client.
import { number, element, change } from "./words.js";

const TRAVEL = 800, APART = 150, WAITING = 14; // ms on the way, ms between two, and how many wait

const still = matchMedia("(prefers-reduced-motion: reduce)");

// `box` is where it moves; `line` tells where the line of a connection is: its two ends, a name
// for it, since several connections may share one, and how many pixels it has for itself.
export class Animation {
  constructor(box, line) {
    Object.assign(this, { box, line, queues: new Map(), moving: new Map(), rests: new Map() });
  }

  // Let something pass; what comes too fast to be told apart goes together, with its number.
  pass(connection, passing) {
    const key = (this.line(connection)?.name ?? connection.number) + passing.side;
    if (!this.queues.has(key)) this.queues.set(key, []);
    const queue = this.queues.get(key);
    const last = queue[queue.length - 1];
    const alike = last && last.look === passing.look && passing.look === "message";
    if (alike && (queue.length > 3 || passing.count > 1)) {
      last.count += passing.count;
      last.text = passing.text;
    } else if (queue.length < WAITING) queue.push({ ...passing, connection });
    if (!queue.timer) this.send(key, queue);
  }

  // Send what is first in a queue as soon as there is room behind what was sent before it.
  send(key, queue) {
    const passing = queue.shift(), line = passing && this.line(passing.connection);
    queue.timer = 0;
    if (!passing) return;
    const next = line && !document.hidden ? this.make(passing, line, key) : null;
    const due = next && queue.last ? queue.last.start + apart(queue.last, next) : 0;
    const wait = next ? due - document.timeline.currentTime : APART;
    const begin = () => { // with a frame of the screen: however slow they come, it is seen
      if (next) {
        next.start = Math.max(due, document.timeline.currentTime);
        this.move(next);
        queue.last = next;
      }
      this.send(key, queue);
    };
    const drawn = () => requestAnimationFrame(begin);
    queue.timer = wait > 0 ? setTimeout(next ? drawn : begin, wait) : drawn();
  }

  // Make a thing that is to move, and measure it.
  make(passing, line, key) {
    const onward = passing.side === "client";
    const [x, y, u, v] = onward ? line.ends : [...line.ends.slice(2), ...line.ends.slice(0, 2)];
    const token = element("span", `token ${passing.look}`);
    token.append(element("span", "", onward ? `${passing.text} ▸` : `◂ ${passing.text}`));
    if (passing.count > 1) token.append(element("b", "", `×${number(passing.count)}`));
    token.style.maxWidth = `${Math.abs(u - x)}px`;
    this.rests.get(key)?.remove();
    this.moving.set(key, (this.moving.get(key) ?? 0) + 1);
    this.box.append(token);
    fit(token.firstChild, passing.text);
    const width = Math.min(token.offsetWidth, Math.abs(u - x)), half = width / 2 * Math.sign(u - x);
    token.remove(); // until its turn
    const lift = onward ? "-104%" : "4%"; // there above the line, back below it
    const place = (a, b) => `translate(${a}px, ${b}px) translate(-50%, ${lift})`;
    const middle = place((x + u) / 2, (y + v) / 2);
    const frames = still.matches ? [{ transform: middle }, { transform: middle }]
      : [{ transform: place(x + half, y), opacity: 0.3 }, { opacity: 1, offset: 0.2 },
        { opacity: 1, offset: 0.85 }, { transform: place(u - half, v), opacity: 0.3 }];
    const far = still.matches ? 0 : Math.abs(u - x) - width;
    return { passing, line, key, onward, token, width, far, frames };
  }

  move({ passing, line, key, onward, token, frames, start }) {
    this.box.append(token);
    const moving = token.animate(frames, { duration: TRAVEL, fill: "backwards" });
    moving.startTime = start;
    const end = () => {
      token.remove();
      this.moving.set(key, this.moving.get(key) - 1);
      if (this.moves(key)) return;
      if (passing.look === "message") this.stay(key, passing.text, onward, line);
    };
    moving.finished.then(end, end);
  }

  moves(key) {
    return this.moving.get(key) > 0;
  }

  // Keep the last message readable at its connection, if its line has room for it.
  stay(key, text, onward, line) {
    const [x, y, u, v] = line.ends, width = Math.abs(u - x) - 30;
    const rest = this.rests.get(key) ?? element("span", "token rest");
    const said = [text, ...line.ends, line.room].join();
    if (rest.said === said && rest.parentNode) return; // to measure it takes time
    rest.said = said;
    this.rests.set(key, rest);
    change(rest, onward ? `${text} ▸` : `◂ ${text}`);
    rest.hidden = !text || width < 40 || line.room < 2 * 16;
    rest.style.maxWidth = `${width}px`;
    const at = 14 / Math.max(1, u - x);
    rest.style.transform = `translate(${x + 14}px, ${y + (v - y) * at}px) `
      + `translate(0, ${onward ? "-104%" : "4%"})`;
    if (rest.parentNode !== this.box) this.box.append(rest);
    fit(rest, text);
  }

  // Put what stays where the lines are now.
  settle(connections) {
    const kept = new Set();
    for (const connection of connections) {
      const line = this.line(connection);
      for (const side of ["client", "server"]) {
        const key = (line?.name ?? connection.number) + side;
        if (!line || !connection.last[side]) continue;
        kept.add(key);
        if (!this.moves(key)) this.stay(key, connection.last[side], side === "client", line);
      }
    }
    for (const [key, queue] of this.queues)
      if (!kept.has(key) && !queue.timer) this.queues.delete(key);
    for (const [key, rest] of this.rests) {
      if (kept.has(key)) continue;
      rest.remove();
      this.rests.delete(key);
    }
  }
}

// Milliseconds from one thing to the next: this one has left its place by then, and the next, which
// has as long for another way, does not catch up with it.
const apart = (one, next) => {
  const way = next.width + 6, room = one.far - way;
  if (room <= 0) return TRAVEL;
  const behind = TRAVEL * way / one.far, before = TRAVEL * (1 - room / next.far);
  return Math.min(TRAVEL, Math.max(APART, behind, before));
};

// Leave out of the middle of a text what has no room: its end says as much as its beginning.
const fit = (box, text) => {
  const whole = box.textContent;
  let kept = text.length;
  for (let room = box.clientWidth, wide = box.scrollWidth; kept > 5 && wide > room;) {
    kept = Math.max(5, Math.min(kept - 1, Math.floor(kept * room / wide)));
    const end = Math.min(13, Math.max(kept >> 1, kept - 6));
    const cut = `${text.slice(0, kept - end)}…${text.slice(text.length - end)}`;
    box.textContent = whole.replace(text, () => cut);
    wide = box.scrollWidth;
  }
};
