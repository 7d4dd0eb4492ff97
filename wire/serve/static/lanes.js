// The picture of the lab: a lane for each pattern, as in the handout.
import { Lane } from "./lane.js";

const USUAL = [["REQ-REP", "REQ", "REP"], ["PUB-SUB", "SUB", "PUB"], ["PUSH-PULL", "PULL", "PUSH"]];

export class Lanes {
  constructor(box, pick) {
    Object.assign(this, { box, pick, lanes: new Map() });
    for (const usual of USUAL) this.lane(...usual);
  }

  lane(pattern, client, server) {
    const lane = new Lane(pattern, client, server, this.pick);
    this.lanes.set(pattern, lane);
    this.box.append(lane.box);
    return lane;
  }

  show(state, now, picked) {
    const groups = new Map([...this.lanes.keys()].map((pattern) => [pattern, []]));
    for (const c of state.connections.values()) {
      if (!groups.has(c.pattern)) groups.set(c.pattern, []);
      groups.get(c.pattern).push(c);
    }
    for (const [pattern, connections] of groups) {
      const lane = this.lanes.get(pattern)
        ?? this.lane(pattern, connections[0].client.role, connections[0].server.role);
      lane.box.hidden = Boolean(picked) && picked !== pattern;
      lane.show(connections, now);
    }
    this.tick(state, now);
  }

  tick(state, now) {
    for (const [pattern, lane] of this.lanes) lane.plot.show(state.rates.get(pattern), now);
  }

  pass(state, passing) {
    const connection = state.connections.get(passing.connection);
    const lane = connection && this.lanes.get(connection.pattern);
    if (lane && !lane.box.hidden) lane.animation.pass(connection, passing);
  }
}
