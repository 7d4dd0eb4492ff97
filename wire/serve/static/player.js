// A capture that is played: lines of JSON, asked for only as far as they are shown. Some of the
// steps before are kept, so that one can go back at once.
import { State } from "./state.js";

const WINDOW = 100; // steps from one snapshot to the next
const KEPT = 4; // of them
const COARSE = 4; // times: played faster, a line has all events of so many seconds of the screen:
const PART = 0.04;
const IDLE = 1; // second: what is left of a longer time in which nothing passes

export class Player {
  // `moved` hears of a place that has been come to: by a step, back, or a leap.
  constructor(capture, state, apply, status, moved) {
    Object.assign(this, { capture, state, apply, status, moved, speed: 1, skip: false });
    Object.assign(this, { playing: false, ticking: false, ended: false, at: 0, time: 0, clock: 0 });
    Object.assign(this, { ahead: [], kept: [] });
    this.tick = this.tick.bind(this);
    this.turn = Promise.resolve();
  }

  // Seconds of the capture at this moment, which go on while nothing passes.
  get now() {
    return Math.max(this.time, this.clock);
  }

  // Do one thing after the other: ten presses are ten steps.
  then(what) {
    this.turn = this.turn.then(what).catch((wrong) => {
      if (wrong?.name !== "AbortError") this.lost();
    });
    return this.turn;
  }

  async *ask(query, signal) {
    const reply = await fetch(`/play?capture=${this.capture}&${query}`, { signal });
    if (!reply.ok) throw new Error(reply.statusText);
    this.status({ lost: false });
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  }

  // Go to a place ("packet=14", "step=9").
  open(place) {
    this.pause();
    this.abort?.abort();
    this.asked = place;
    return this.then(() => this.go(place));
  }

  async go(place) {
    if (place !== this.asked) return; // another was asked for meanwhile
    this.abort = new AbortController();
    const lines = await this.window(`${place}&back=${WINDOW}`, this.abort.signal);
    this.kept = [lines.kept];
    this.state.restore(lines.state);
    Object.assign(this, { ahead: lines.ahead, ended: false, coarse: false });
    [this.at, this.time, this.clock] = [lines.step, lines.state.time, lines.state.time];
    if (this.ahead[0]?.end) this.take(this.ahead.shift());
    this.asked = null;
    this.moved("leap");
  }

  // Read what leads to a place, and the place itself, without showing it.
  async window(query, signal) {
    const state = new State(), found = { kept: null, ahead: [], step: 0 };
    const target = Number(/step=(\d+)/.exec(query)?.[1] ?? -1);
    const packet = Number(/packet=(\d+)/.exec(query)?.[1] ?? -1);
    let whole = true;
    for await (const line of this.ask(query, signal)) {
      if (whole && (line.reset || !("step" in line || line.end))) {
        state.apply(line);
        if (line.reset) found.step = line.step;
        continue;
      }
      if (whole) found.kept = { step: found.step, snapshot: state.snapshot(), lines: [] };
      whole = false;
      const before = target >= 0 ? line.step <= target : line.packets <= packet;
      if (line.end || !before) {
        found.ahead.push(line);
        continue;
      }
      state.apply(line);
      found.kept.lines.push(line);
      found.step = line.step;
    }
    found.kept ??= { step: found.step, snapshot: state.snapshot(), lines: [] };
    return { ...found, state: state.snapshot() };
  }

  // Come to the same place as soon as the server answers, and go on playing if it did.
  lost() {
    this.resume ||= this.playing;
    this.playing = this.ticking = false;
    this.status({ lost: true, playing: false });
    clearTimeout(this.retry);
    this.retry = setTimeout(async () => {
      const { resume } = this;
      await this.open(this.asked ?? `step=${this.at}`);
      if (this.asked) this.resume = resume;
      else if (resume) this.play();
    }, 1500);
  }

  // Have a line ahead, unless there is none any more.
  async fill() {
    if (this.ahead.length || this.ended) return;
    const pace = this.playing && this.speed > COARSE ? Math.round(this.speed * PART * 1000) : 0;
    this.coarse ||= pace > 0;
    this.abort = new AbortController();
    for await (const line of this.ask(`after=${this.at}&pace=${pace}`, this.abort.signal))
      this.ahead.push(line);
  }

  take(line, moves) {
    this.apply(line, moves);
    this.time = Math.max(this.time, line.time);
    if (line.end) {
      [this.ended, this.last, this.playing] = [true, line, false];
      this.status({ playing: false, wrong: line.wrong });
      return;
    }
    this.at = line.step;
    const last = this.kept[this.kept.length - 1];
    last.lines.push(line);
    if (last.lines.length < WINDOW) return;
    this.kept.push({ step: this.at, snapshot: this.state.snapshot(), lines: [] });
    if (this.kept.length > KEPT) this.kept.shift();
  }

  step() {
    this.pause();
    return this.then(async () => {
      await this.fill();
      const line = this.ahead.shift();
      if (line) this.take(line, true);
      if (line && this.ahead[0]?.end) this.take(this.ahead.shift());
      this.moved("step");
    });
  }

  back() {
    this.pause();
    return this.then(async () => {
      if (!this.at) return;
      if (this.coarse || !this.kept.some((kept) => kept.lines.length)) await this.earlier();
      while (this.kept.length > 1 && !this.kept[this.kept.length - 1].lines.length) this.kept.pop();
      const last = this.kept[this.kept.length - 1], line = last.lines.pop();
      if (!line) return;
      if (this.ended) this.ahead.unshift(this.last);
      this.ended = false;
      this.ahead.unshift(line);
      this.state.restore(last.snapshot);
      for (const each of last.lines) this.state.apply(each);
      this.at = last.lines.length ? last.lines[last.lines.length - 1].step : last.step;
      [this.time, this.clock] = [this.state.time, this.state.time];
      this.moved("back");
      if (this.kept.length === 1 && last.lines.length < WINDOW / 2 && last.step) this.ready();
    });
  }

  // Read the steps before those that are kept.
  async earlier() {
    const first = this.coarse ? null : this.kept[0];
    const end = first ? first.step : this.at;
    if (first && !end) return;
    const { kept } = await this.window(`step=${end}&back=${WINDOW}`);
    if (first !== (this.coarse ? null : this.kept[0])) return; // one is elsewhere by now
    if (this.coarse) [this.kept, this.ahead, this.coarse] = [[], [], false];
    this.kept.unshift(kept);
  }

  // Have them before they are asked for.
  ready() {
    this.earlier().catch(() => null);
  }

  pause() {
    if (this.playing && this.speed > COARSE) this.then(() => this.earlier());
    this.playing = this.resume = false;
    this.status({ playing: false });
  }

  async play() {
    if (this.ended) await this.open("step=0");
    this.playing = true;
    this.status({ playing: true });
    this.clock = this.now;
    this.drawn = performance.now();
    if (!this.ticking) requestAnimationFrame(this.tick);
    this.ticking = true;
  }

  // Show all whose time has come; the clock stands still while the next lines are fetched.
  tick(moment) {
    this.ticking = this.playing;
    if (!this.playing) return;
    this.clock += Math.max(0, (moment - this.drawn) / 1000) * this.speed;
    this.drawn = moment;
    this.then(async () => {
      while (this.playing) {
        if (!this.ahead.length) {
          await this.fill();
          this.drawn = Math.max(this.drawn, performance.now());
        }
        const line = this.ahead[0];
        if (!line) break;
        if (this.skip && line.time - this.clock > IDLE) this.clock = line.time - IDLE;
        if (!line.end && line.time > this.clock) break;
        this.take(this.ahead.shift(), true);
      }
      this.moved("play");
      requestAnimationFrame(this.tick);
    });
  }
}
