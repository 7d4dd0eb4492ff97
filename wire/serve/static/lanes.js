// The picture of the lab: a lane for each pattern, as in the handout.
import { Lane } from "./lane.js";

const USUAL = [["REQ-REP", "REQ", "REP"], ["PUB-SUB", "SUB", "PUB"], ["PUSH-PULL", "PULL", "PUSH"]];

export class Lanes {
  // `patterns`: those of a capture that is played; live, all usual ones have their lane.
  constructor(box, patterns, pick) {
    Object.assign(this, { box, pick, lanes: new Map() });
    for (const [pattern, ...roles] of USUAL)
      if (!patterns || patterns.includes(pattern)) this.lane(pattern, roles, true);
  }

  lane(pattern, roles, usual) {
    const lane = new Lane(pattern, roles, usual, this.pick);
    this.lanes.set(pattern, lane);
    this.box.querySelector("#signs").before(lane.box);
    return lane;
  }

  show(state, now, picked) {
    const groups = new Map([...this.lanes.keys()].map((pattern) => [pattern, []]));
    for (const c of state.shown) {
      if (!groups.has(c.pattern)) groups.set(c.pattern, []);
      groups.get(c.pattern).push(c);
    }
    for (const [pattern, connections] of groups) {
      const lane = this.lanes.get(pattern)
        ?? this.lane(pattern, [connections[0].client.role, connections[0].server.role], false);
      lane.box.hidden = Boolean(picked) && picked !== pattern;
      if (!lane.box.hidden) lane.show(state, connections, now);
      lane.plot.show(state.rates.get(pattern), now);
    }
  }

  pass(state, passing) {
    const connection = state.connections.get(passing.connection);
    const lane = connection && this.lanes.get(connection.pattern);
    if (lane && !lane.box.hidden) lane.animation.pass(connection, passing);
  }
}
