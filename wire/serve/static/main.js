// The page: what comes in, what is picked out, what is shown, and the keys.
import { say, number } from "./words.js";
import { State } from "./state.js";
import { Lanes } from "./lanes.js";
import { Sequence } from "./sequence.js";
import { Live, Played } from "./source.js";

const find = (id) => document.getElementById(id);
const live = document.body.dataset.mode === "live";
const state = new State();
const status = { capture: "waiting", dropped: 0, lost: false, playing: false };
let chosen = null; // a connection that was picked; otherwise the newest is followed
let paused = null; // messages when it was paused
let due = false;

const follow = (on) => {
  chosen = on ? null : sequence.shown?.number ?? null;
};
const sequence = new Sequence(follow);
const choose = (number) => {
  chosen = number;
  render();
};
const lanes = new Lanes(find("lab"), choose);

// --- what is shown ---------------------------------------------------------------------------

const picked = () => find("pattern").value;

const listed = () => [...state.connections.values()].reverse()
  .filter((c) => !picked() || c.pattern === picked());

const render = () => {
  due = false;
  const now = state.now(live && status.capture === "live");
  const connections = listed();
  const shown = connections.find((c) => c.number === chosen) ?? connections[0] ?? null;
  lanes.show(state, now, picked());
  sequence.topic = find("topic").value;
  sequence.show(state, shown, live ? say("empty") : say("begin"));
  sequence.list(connections, now, choose);
  fill(find("pattern"), [...lanes.lanes.keys()]);
  const topics = connections.flatMap((c) => [...c.topics, ...c.subscribed]);
  fill(find("topic"), [...new Set(topics)].sort());
  find("counts").textContent = live
    ? say("counts", { packets: number(state.packets), messages: number(state.messages) })
    : say("position", { packet: number(state.packets), time: state.time.toFixed(3) });
  const remarks = [];
  if (status.dropped) remarks.push(say("dropped", { n: number(status.dropped) }));
  if (state.left) remarks.push(say("left", { n: number(state.left) }));
  find("remark").textContent = remarks.join(". ");
  tellStatus();
};

const update = () => {
  if (!due) requestAnimationFrame(render);
  due = true;
};

const fill = (list, values) => {
  const known = new Set([...list.options].map((option) => option.value));
  for (const value of values)
    if (!known.has(value)) list.add(new Option(value || say("everything"), value));
};

const tellStatus = () => {
  let kind = status.capture, said = "";
  if (status.lost) [kind, said] = ["lost", say("lost")];
  else if (paused !== null)
    [kind, said] = ["paused", say("paused", { n: number(status.total - paused) })];
  else if (!live && status.wrong) [kind, said] = ["ended", say("wrong", { reason: status.wrong })];
  else if (!live) {
    kind = status.playing ? "live" : "paused";
    said = say(status.playing ? "playing" : status.ended ? "finished" : "stopped");
  } else said = say(kind, { source: status.source ?? "", reason: status.reason ?? "" });
  const box = find("status");
  box.dataset.state = kind;
  if (box.textContent !== said) box.textContent = said;
};

// --- what comes in ---------------------------------------------------------------------------

const apply = (change, moves = true, step = false) => {
  status.total = Object.values(change.totals ?? {}).reduce((sum, n) => sum + n, 0) || status.total;
  if (paused !== null) return tellStatus();
  state.apply(change);
  if (step && change.rows.length) show(change.rows[change.rows.length - 1]);
  if (moves)
    for (const passing of change.passes ?? [])
      if (!find("topic").value || !passing.topic || passing.topic === find("topic").value)
        lanes.pass(state, passing);
  return update();
};

// The last arrow of all: where one is, after a step back or a leap.
const latest = () => {
  const rows = [...state.connections.values()].flatMap((c) => [...c.rowsAt.values()]);
  const packet = (row) => Number(row.packets.split("–").pop());
  return rows.reduce((last, row) => (!last || packet(row) >= packet(last) ? row : last), null);
};

const show = (row) => {
  chosen = row?.connection ?? null;
  render();
  if (row) sequence.select(row.index);
  else sequence.unselect();
};

const hear = (news) => {
  Object.assign(status, news);
  if (news.opened) show(latest());
  if ("playing" in news || "at" in news) {
    if (news.playing) status.ended = false;
    find("play").textContent = say(status.playing ? "pause" : "play");
    if (document.activeElement !== find("packet")) find("packet").value = state.packets;
  }
  update();
};

const source = live ? new Live(apply, hear)
  : new Played(Number(document.body.dataset.capture), apply, hear);

// --- what is asked for -----------------------------------------------------------------------

const actions = {
  pause() {
    if (!live) return source.playing ? source.pause() : source.play();
    if (paused === null) paused = status.total = state.messages;
    else {
      paused = null;
      source.connect(); // what was missed comes as a whole
    }
    find("pause").textContent = say(paused === null ? "pause" : "go");
    return tellStatus();
  },
  leap(packet) {
    source.pause();
    source.open(`packet=${packet}`);
  },
  start: () => actions.leap(0),
  end: () => actions.leap(document.body.dataset.packets),
  theme() {
    const dark = document.documentElement.dataset.theme
      ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
  },
  help: () => find("keys").showModal(),
  view(name) {
    document.body.dataset.view = name;
    for (const button of document.querySelectorAll(".view button"))
      button.setAttribute("aria-pressed", button.dataset.view === name);
    render();
    sequence.reveal();
  },
  pattern(at) {
    find("pattern").selectedIndex = at;
    chosen = null;
    update();
  },
  turn(by) {
    const all = listed(), here = all.findIndex((c) => c.number === sequence.shown?.number);
    const next = all[Math.max(0, Math.min(all.length - 1, here + by))];
    if (next) choose(next.number);
  },
};

const keys = {
  " ": actions.pause, t: actions.theme, "?": actions.help,
  l: () => actions.view("lab"), b: () => actions.view("both"), d: () => actions.view("diagram"),
  "[": () => actions.turn(1), "]": () => actions.turn(-1),
  ArrowDown: () => sequence.move(1), ArrowUp: () => sequence.move(-1),
  Escape() {
    sequence.unselect();
    chosen = null;
    update();
  },
};
for (const at of [0, 1, 2, 3]) keys[at] = () => actions.pattern(at);
if (!live)
  Object.assign(keys, {
    ArrowRight: () => source.step(), ArrowLeft: () => source.back(), Home: actions.start, End: actions.end,
    g: () => find("packet").select(),
  });

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, dialog");
  if (event.key === "Escape") event.target.closest("input, select")?.blur();
  const pressing = event.key === " " && event.target.closest("button, a");
  if (typing || pressing || event.ctrlKey || event.altKey || event.metaKey) return;
  const action = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});
// A button that the mouse has pressed does not keep the space bar for itself.
document.addEventListener("click", (event) => {
  if (event.detail) event.target.closest("button")?.blur();
});
find("tabs").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.stopPropagation();
  actions.turn(by);
  render();
  find("tabs").querySelector("[aria-selected=true]")?.focus();
});
for (const id of ["theme", "help"]) find(id).addEventListener("click", actions[id]);
for (const button of document.querySelectorAll(".view button"))
  button.addEventListener("click", () => actions.view(button.dataset.view));
for (const id of ["pattern", "topic"])
  find(id).addEventListener("change", () => {
    chosen = null;
    update();
  });
if (live) find("pause").addEventListener("click", actions.pause);
else {
  for (const id of ["start", "end"]) find(id).addEventListener("click", actions[id]);
  find("back").addEventListener("click", () => source.back());
  find("play").addEventListener("click", actions.pause);
  find("step").addEventListener("click", () => source.step());
  find("speed").addEventListener("change", () => { source.speed = Number(find("speed").value); });
  find("captures")?.addEventListener("change", () => {
    location.search = `?capture=${find("captures").value}`;
  });
  find("goto").addEventListener("submit", (event) => {
    event.preventDefault();
    actions.leap(Number(find("packet").value));
    find("packet").blur();
  });
  source.open("packet=0");
}
setInterval(() => { if (!document.hidden && paused === null) update(); }, 1000);
update();
