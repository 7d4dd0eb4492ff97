// What moves: along the line of a connection, one thing behind the other.
import { number, element } from "./words.js";

const TRAVEL = 800, APART = 150, WAITING = 14; // ms on the way, ms between two, and how many wait

const still = matchMedia("(prefers-reduced-motion: reduce)");

// `box` is where it moves; `ends` tells where the line of a connection begins and ends in it.
export class Animation {
  constructor(box, ends) {
    Object.assign(this, { box, ends, queues: new Map() });
  }

  // Let something pass; what comes too fast to be told apart goes together, with its number.
  pass(connection, passing) {
    const key = connection.number + passing.side;
    if (!this.queues.has(key)) this.queues.set(key, []);
    const queue = this.queues.get(key);
    const last = queue[queue.length - 1];
    const alike = last && last.look === passing.look && passing.look === "message";
    if (alike && (queue.length > 3 || passing.count > 1)) {
      last.count += passing.count;
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
    if (passing.count > 1) token.append(element("b", "", `×${number(passing.count)}`));
    token.style.maxWidth = `${Math.abs(u - x) * 0.55}px`;
    this.box.append(token);
    const lift = onward ? "-108%" : "8%"; // there above the line, back below it
    const place = (a, b) => `translate(${a}px, ${b}px) translate(-50%, ${lift})`;
    const middle = place((x + u) / 2, (y + v) / 2);
    const keyframes = still.matches ? [{ transform: middle }, { transform: middle }]
      : [{ transform: place(x, y), opacity: 0.3 }, { opacity: 1, offset: 0.2 },
        { opacity: 1, offset: 0.85 }, { transform: place(u, v), opacity: 0.3 }];
    const end = () => token.remove();
    token.animate(keyframes, { duration: TRAVEL }).finished.then(end, end);
    if (still.matches) return TRAVEL / 2;
    return Math.max(APART, TRAVEL * (token.offsetWidth + 6) / Math.abs(u - x));
  }
}
