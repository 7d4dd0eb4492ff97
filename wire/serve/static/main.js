// The page: what comes in, what is picked out, what is shown.
import { say, many, change } from "./words.js";
import { State } from "./state.js";
import { Lanes } from "./lanes.js";
import { Sequence } from "./sequence.js";
import { List } from "./list.js";
import { Bytes } from "./bytes.js";
import { Tabs, ALL } from "./tabs.js";
import { Live } from "./live.js";
import { Player } from "./player.js";
import { place, remember } from "./place.js";
import { listen } from "./controls.js";
import { report } from "./report.js";

const find = (id) => document.getElementById(id);
const { mode, capture, patterns } = document.body.dataset;
const live = mode === "live";
const state = new State();
const status = { capture: "waiting", dropped: 0, lost: false, playing: false };
let chosen = place.connection === null ? null : Number(place.connection); // else the newest
let wanted = place.at; // a row that is selected as soon as it is there
let paused = null; // messages when it was paused
let due = false;

const selected = (item, pinned) => {
  bytes.show(item, item?.before);
  if (item && pinned) chosen = shown();
  keep();
};
const bytes = new Bytes(() => actions.follow());
const sequence = new Sequence(find("scroll"), selected);
const list = new List(find("scroll"), selected);
const choose = (connection) => {
  chosen = connection;
  box().select(null);
  render();
};
const tabs = new Tabs(choose);
const lanes = new Lanes(find("lab"), live ? null : JSON.parse(patterns), choose);

// --- what is shown ---------------------------------------------------------------------------

const listed = () => state.shown.reverse()
  .filter((c) => !find("pattern").value || c.pattern === find("pattern").value);

// The number of the connection that is shown, or that of everything.
const shown = (connections = listed()) => (chosen === ALL ? ALL
  : (connections.find((c) => c.number === chosen) ?? connections[0])?.number ?? null);

const box = () => (chosen === ALL ? list : sequence);

const render = () => {
  due = false;
  const now = live ? state.now(status.capture === "live") : source.now;
  const connections = listed(), here = shown(connections);
  lanes.show(state, now, find("pattern").value);
  if (sequence.shown && here !== sequence.shown.number && here !== ALL && sequence.key !== null)
    bytes.show(null);
  if (here === ALL) list.show(state, connections, find("topic").value);
  else {
    sequence.topic = find("topic").value;
    sequence.show(state, state.connections.get(here), say(live ? "empty" : "begin"));
  }
  const connection = here === ALL ? null : state.connections.get(here);
  const { pattern, heading } = connection ?? {};
  change(find("heading"), connection ? `${connection.number}. ${pattern}: ${heading}`
    : here === ALL ? many("listed", list.found) : "");
  tabs.show(connections, here, now);
  fill(find("pattern"), [...lanes.lanes.keys()]);
  const topics = connections.flatMap((c) => [...c.topics, ...c.subscribed]);
  fill(find("topic"), [...new Set(topics)].sort());
  tell();
  if (wanted !== null && box().item(wanted)) {
    box().select(wanted);
    wanted = null;
  }
};

const update = () => {
  if (!due) requestAnimationFrame(render);
  due = true;
};

const fill = (select, values) => {
  const known = new Set([...select.options].map((option) => option.value));
  for (const value of values)
    if (!known.has(value)) select.add(new Option(value || say("everything"), value));
};

const tell = () => report(state, status, live ? null : source, paused);

const keep = () => {
  remember({
    capture: live || capture === "0" ? null : capture, step: live ? null : source.at,
    connection: chosen, at: box().key, pattern: find("pattern").value, topic: find("topic").value,
    view: document.body.dataset.view === "both" ? null : document.body.dataset.view,
    time: list.since === "first" ? null : list.since,
  });
};

// --- what comes in ---------------------------------------------------------------------------

const apply = (news, moves = true) => {
  if (news.totals) status.total = Object.values(news.totals).reduce((sum, n) => sum + n, 0);
  if (paused !== null) {
    tell();
    return;
  }
  state.apply(news);
  if (moves)
    for (const passing of news.passes ?? [])
      if (!find("topic").value || !passing.topic || passing.topic === find("topic").value)
        lanes.pass(state, passing);
  update();
};

const hear = (news) => {
  Object.assign(status, news);
  if (find("play")) change(find("play"), say(status.playing ? "pause" : "play"));
  update();
};

// A place of a capture that has been come to: its last arrow is shown, unless it plays.
const moved = (how) => {
  if (document.activeElement !== find("packet")) find("packet").value = state.packets;
  if (document.activeElement !== find("slider")) find("slider").value = state.packets;
  if (source.playing) wanted = null; // it follows what passes: nothing is selected
  else if (how === "leap" && wanted !== null) {
    render();
    wanted = null; // there or not
  } else if (how !== "play") {
    const events = state.events.filter((event) => !event.skipped);
    const last = events.reduce((a, b) => (!a || b.step > a.step ? b : a), null);
    if (chosen !== ALL) chosen = last?.connection ?? null;
    render();
    box().select(!last ? null : chosen === ALL ? last.step : last.index);
  }
  update();
  keep();
};

const source = live ? new Live(apply, hear)
  : new Player(Number(capture), state, apply, hear, moved);

// --- what is asked for -----------------------------------------------------------------------

const actions = {
  pause() {
    if (!live) {
      if (source.playing) source.pause();
      else {
        actions.follow();
        source.play();
      }
      return;
    }
    if (paused === null) paused = status.total = state.all;
    else {
      paused = null;
      source.connect(); // what was missed comes as a whole
    }
    change(find("pause"), say(paused === null ? "pause" : "go"));
    tell();
  },
  clear() {
    state.begin(state.now(status.capture === "live"));
    state.events = [];
    choose(chosen === ALL ? ALL : null);
  },
  step: () => source.step(),
  back: () => source.back(),
  leap: (packet) => source.open(`packet=${Number(packet)}`),
  start: () => source.open("step=0"),
  end: () => source.open(`packet=${document.body.dataset.packets}`),
  slide: ({ value }) => { find("packet").value = value; },
  slider: ({ value }) => actions.leap(value),
  speed: ({ value }) => { source.speed = Number(value); },
  idle: ({ checked }) => { source.skip = checked; },
  captures: ({ value }) => { location.search = `?capture=${value}`; },
  theme() {
    const dark = document.documentElement.dataset.theme
      ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  },
  help: () => find("keys").showModal(),
  view(name) {
    document.body.dataset.view = name;
    for (const button of document.querySelectorAll(".view button"))
      button.setAttribute("aria-pressed", button.dataset.view === name);
    render();
    box().reveal();
    keep();
  },
  pattern(select) {
    if (typeof select === "number") find("pattern").selectedIndex = select;
    if (chosen !== ALL) chosen = null;
    render();
    keep();
  },
  topic: () => actions.pattern(),
  since({ value }) {
    list.since = sequence.since = value;
    render();
    keep();
  },
  search(text) {
    list.text = text;
    status.search = "";
    if (text && chosen !== ALL) choose(ALL);
    update();
  },
  async next(text) {
    if (live || !text) return;
    const asked = new URLSearchParams({ capture, step: source.at, text });
    const reply = await fetch(`/find?${asked}`).catch(() => null);
    if (!reply) {
      source.lost();
      return;
    }
    const { step } = await reply.json();
    status.search = step ? "" : say("no-more", { text });
    if (step) source.open(`step=${step}`);
    update();
  },
  turn(by) {
    const all = [ALL, ...listed().map((c) => c.number)], here = all.indexOf(shown());
    const next = all[Math.max(0, Math.min(all.length - 1, here + by))];
    if (next !== shown()) choose(next);
  },
  all: () => choose(ALL),
  find: () => find("search").select(),
  number: () => find("packet").select(),
  move: (by) => box().move(by),
  fold: () => chosen !== ALL && sequence.fold(),
  follow() {
    box().select(null);
    if (chosen !== ALL) chosen = null;
    find("scroll").scrollTop = find("scroll").scrollHeight;
    update();
  },
};

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
listen(actions, live);
fill(find("pattern"), [...lanes.lanes.keys(), ...(place.pattern ? [place.pattern] : [])]);
if (place.topic !== null) fill(find("topic"), [place.topic]);
for (const name of ["pattern", "topic"]) if (place[name] !== null) find(name).value = place[name];
if (place.time) find("since").value = list.since = sequence.since = place.time;
if (place.view) actions.view(place.view);
if (!live)
  source.open(place.packet === null ? `step=${place.step ?? 0}` : `packet=${place.packet}`);
setInterval(() => { if (!document.hidden && paused === null) update(); }, 500);
render();
