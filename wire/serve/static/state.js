// What the page knows of the lab. A change says what is new; who shows it asks for the rest.
const FIRST = 20, LAST = 100; // rows of a connection that are kept, as the program does
const EVENTS = 1000; // of the list of everything
const PLAIN = ["packets", "time", "left", "totals"];

export class State {
  constructor() {
    this.clear({});
  }

  clear({ start = 0, width = 760, lifelines = [0, 0], titles = {} }) {
    Object.assign(this, { start, width, lifelines, titles });
    Object.assign(this, { packets: 0, time: 0, left: 0, totals: {} });
    this.connections = new Map(); // number -> connection, its rows by their place
    this.rates = new Map(); // pattern -> second -> messages
    this.events = []; // the last of all connections, in the order of packets
    this.heard = performance.now(); // when `time` was
    if (this.begun?.start !== start) this.begun = null; // another capture
  }

  // Messages since it was begun anew.
  get messages() {
    return this.all - (this.begun?.all ?? 0);
  }

  get all() {
    return Object.values(this.totals).reduce((sum, count) => sum + count, 0);
  }

  // Begin anew: what was closed before is not shown any more, and counts begin at nothing.
  begin(time) {
    const sent = new Map([...this.connections.values()].map((c) => [c.number, c.sent]));
    this.begun = { start: this.start, time, all: this.all, packets: this.packets, sent };
  }

  // The connections that are shown, the oldest first.
  get shown() {
    const since = this.begun?.time ?? -1;
    return [...this.connections.values()].filter((c) => c.open || c.ended >= since);
  }

  // How many messages of a connection passed from this side.
  sent(connection, side) {
    return connection.sent[side] - (this.begun?.sent.get(connection.number)?.[side] ?? 0);
  }


  // Seconds of the story at this moment; a live one goes on while nothing passes.
  now(live) {
    return live ? this.time + (performance.now() - this.heard) / 1000 : this.time;
  }

  apply(change) {
    if (change.reset) this.clear(change);
    for (const name of PLAIN) if (name in change) this[name] = change[name];
    if ("time" in change) this.heard = performance.now();
    for (const number of change.gone ?? []) this.connections.delete(number);
    for (const connection of change.connections ?? []) {
      const known = this.connections.get(connection.number);
      connection.rowsAt = known?.rowsAt ?? new Map();
      this.connections.set(connection.number, connection);
    }
    for (const row of change.rows ?? []) this.row(row);
    for (const event of change.events ?? [])
      if (!(event.time < this.begun?.time)) this.events.push(event);
    if (this.events.length > EVENTS) this.events.splice(0, this.events.length - EVENTS);
    for (const [pattern, second, count] of change.rates ?? []) {
      if (!this.rates.has(pattern)) this.rates.set(pattern, new Map());
      const bins = this.rates.get(pattern).set(second, count);
      if (bins.size > 120) for (const old of bins.keys()) if (old < second - 70) bins.delete(old);
    }
  }

  row(row) {
    const rows = this.connections.get(row.connection)?.rowsAt;
    const known = rows?.get(row.index);
    if (!rows || (!known && !row.phase)) return; // its beginning was left out
    rows.set(row.index, { ...known, ...row });
    if (rows.size <= FIRST + LAST) return;
    const old = [...rows.keys()].sort((a, b) => a - b).slice(FIRST, rows.size - LAST);
    for (const at of old) rows.delete(at);
  }

  // What is known at this moment, to come back to; what is in it never changes.
  snapshot() {
    return this.copy(this);
  }

  restore(snapshot) {
    Object.assign(this, this.copy(snapshot), { heard: performance.now() });
  }

  copy({ connections, rates, events, ...plain }) {
    return {
      ...plain,
      connections: new Map([...connections].map(([number, connection]) =>
        [number, { ...connection, rowsAt: new Map(connection.rowsAt) }])),
      rates: new Map([...rates].map(([pattern, bins]) => [pattern, new Map(bins)])),
      events: [...events],
    };
  }
}
