// What the page knows of the lab. A change says what is new; who shows it hears of it.
const FIRST = 20, LAST = 100; // rows of a connection that are kept, as the program does

export class State {
  constructor() {
    this.clear({});
    this.listeners = [];
  }

  clear({ start = 0, width = 760, titles = {} }) {
    Object.assign(this, { start, width, titles, packets: 0, time: 0, left: 0, totals: {} });
    this.connections = new Map(); // number -> connection, its rows by their place
    this.rates = new Map(); // pattern -> second -> messages
    this.heard = performance.now(); // when `time` was
  }

  get messages() {
    return Object.values(this.totals).reduce((sum, n) => sum + n, 0);
  }

  // Seconds of the story at this moment; a live one goes on while nothing passes.
  now(live) {
    return live ? this.time + (performance.now() - this.heard) / 1000 : this.time;
  }

  apply(change) {
    if (change.reset) this.clear(change);
    for (const name of ["packets", "time", "left", "totals"])
      if (name in change) this[name] = change[name];
    if ("time" in change) this.heard = performance.now();
    for (const number of change.gone ?? []) this.connections.delete(number);
    const touched = new Set();
    for (const connection of change.connections ?? []) {
      const known = this.connections.get(connection.number);
      connection.rowsAt = known?.rowsAt ?? new Map();
      this.connections.set(connection.number, connection);
      touched.add(connection.number);
    }
    for (const row of change.rows ?? []) {
      const rows = this.connections.get(row.connection)?.rowsAt;
      if (!rows) continue;
      const known = rows.get(row.index);
      if (!known && !row.phase) continue; // its beginning was left out
      rows.set(row.index, { ...known, ...row });
      touched.add(row.connection);
      if (rows.size > FIRST + LAST) {
        const old = [...rows.keys()].sort((a, b) => a - b).slice(FIRST, rows.size - LAST);
        for (const at of old) rows.delete(at);
      }
    }
    for (const [pattern, second, count] of change.rates ?? []) {
      if (!this.rates.has(pattern)) this.rates.set(pattern, new Map());
      const bins = this.rates.get(pattern).set(second, count);
      if (bins.size > 120) for (const old of bins.keys()) if (old < second - 70) bins.delete(old);
    }
    for (const listener of this.listeners) listener(change, touched);
  }
}
