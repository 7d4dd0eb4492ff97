// Where changes come from: the server as they happen, or a capture at the pace of who looks.

// Live: Server-Sent Events. The browser connects again by itself; this says when it is lost.
export class Live {
  constructor(apply, status) {
    Object.assign(this, { apply, status, paused: false });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stop(); // a browser has six connections for all its tabs
      else this.connect();
    });
    this.connect();
  }

  stop() {
    clearTimeout(this.silent);
    this.events?.close();
  }

  connect() {
    this.stop();
    const events = this.events = new EventSource("/events");
    const hear = () => {
      clearTimeout(this.silent);
      this.silent = setTimeout(() => this.lost(), 7000);
      this.status({ lost: false });
    };
    events.addEventListener("beat", (event) => {
      hear();
      this.apply(JSON.parse(event.data));
    });
    events.onmessage = (event) => {
      hear();
      const change = JSON.parse(event.data);
      if (change.state) this.status(change.state);
      else this.apply(change);
    };
    events.onerror = () => this.lost();
  }

  lost() {
    this.status({ lost: true });
    clearTimeout(this.silent);
    this.silent = setTimeout(() => this.connect(), 1500);
  }
}

// A capture: lines of JSON, read only as far as they are shown.
export class Played {
  constructor(capture, apply, status) {
    Object.assign(this, { capture, apply, status, speed: 1, playing: false, queue: [], at: "" });
    this.tick = this.tick.bind(this);
  }

  // Show what is known at a place ("packet=14", "step=9"), and be ready to go on from there; tell
  // whether that could be.
  async open(place) {
    clearTimeout(this.again);
    this.abort?.abort();
    const abort = this.abort = new AbortController();
    this.queue = [];
    this.done = this.ended = false;
    this.rest = "";
    try {
      const url = `/play?capture=${this.capture}&${place}`;
      const reply = await fetch(url, { signal: abort.signal });
      this.reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      this.status({ lost: false });
      let line;
      while ((line = await this.next()) && !line.passes && !line.end) {
        if (line.reset) [this.at, this.time] = [line.step, line.time];
        this.apply(line, false);
      }
      if (line) this.queue.unshift(line);
      this.ended = Boolean(line?.end);
      if (line?.end) this.status({ ended: true, wrong: line.wrong });
      this.clock = this.time;
      this.status({ at: this.at, opened: true });
      return true;
    } catch {
      if (!abort.signal.aborted) this.lost(place);
      return false;
    }
  }

  lost(place) {
    this.playing = false;
    this.status({ lost: true, playing: false });
    this.again = setTimeout(() => this.open(place), 1500);
  }

  // Read; the server gives up on who does not read for a while: then ask for the rest anew, unless
  // another place was asked for meanwhile.
  async sure(read) {
    const { abort } = this;
    try {
      return await read();
    } catch {
      return !abort.signal.aborted && await this.open(`step=${this.at}`) ? read() : null;
    }
  }

  // Return the next line, null at the end.
  async next() {
    while (!this.queue.length && !this.done) await this.fill();
    return this.queue.shift() ?? null;
  }

  async fill() {
    const { abort } = this;
    const { value, done } = await this.reader.read();
    if (abort !== this.abort) throw abort.signal.reason; // these are lines of the place before
    if (done) {
      this.done = true;
      return;
    }
    const lines = (this.rest + value).split("\n");
    this.rest = lines.pop();
    for (const line of lines) this.queue.push(JSON.parse(line));
  }

  take(line, step) {
    if (line.end) {
      this.ended = true;
      this.playing = false;
      this.status({ ended: true, playing: false, wrong: line.wrong });
      return;
    }
    this.apply(line, true, step);
    this.at = line.step ?? this.at;
    this.time = Math.max(this.time, line.time);
    this.status({ at: this.at });
  }

  async step() {
    this.pause();
    const line = await this.sure(() => this.next());
    if (line) this.take(line, true);
  }

  async back() {
    this.pause();
    await this.open(this.at > 1 ? `step=${this.at - 1}` : "packet=0");
  }

  pause() {
    this.playing = false;
    this.status({ playing: false });
  }

  async play() {
    if (this.ended) await this.open("packet=0");
    this.playing = true;
    this.status({ playing: true });
    this.clock = this.time;
    this.last = performance.now();
    requestAnimationFrame(this.tick);
  }

  // Show all whose time has come; the clock stands still while the next lines are fetched.
  async tick(moment) {
    if (!this.playing) return;
    this.clock += Math.min(0.25, Math.max(0, (moment - this.last) / 1000)) * this.speed;
    this.last = moment;
    for (let many = 0; many < 300 && this.playing; many++) {
      if (!this.queue.length) await this.sure(() => this.fill());
      if (!this.queue.length && this.done) break;
      const line = this.queue[0];
      if (!line || (!line.end && line.time > this.clock)) break;
      this.take(this.queue.shift());
    }
    requestAnimationFrame(this.tick);
    return null;
  }
}
