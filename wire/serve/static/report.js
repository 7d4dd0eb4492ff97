// What stands at the top: how the capture is, the counts, and what is to be said about them.
import { say, many, number, moment, change } from "./words.js";

const find = (id) => document.getElementById(id);

// `player`: of a capture that is played; `paused`: messages when a live one was paused.
export const report = (state, status, player, paused) => {
  const packets = state.packets - (state.begun?.packets ?? 0);
  change(find("counts"), player
    ? say("position", { packet: number(state.packets), time: moment(state.time) })
    : `${many("packets", packets)}, ${many("messages", state.messages)}`);
  const remarks = [];
  if (status.dropped) remarks.push(many("dropped", status.dropped));
  if (state.left) remarks.push(many("left", state.left));
  if (status.search) remarks.push(status.search);
  change(find("remark"), remarks.join(". "));
  const [kind, said] = condition(status, player, paused);
  find("status").dataset.state = kind;
  change(find("status"), said);
};

const condition = (status, player, paused) => {
  if (status.lost) return ["lost", say("lost")];
  if (paused !== null) return ["paused", many("paused", status.total - paused)];
  if (!player) {
    const given = { source: status.source ?? "", reason: status.reason ?? "" };
    return [status.capture, say(status.capture, given)];
  }
  if (player.ended && status.wrong) return ["lost", say("wrong", { reason: status.wrong })];
  if (player.ended) return ["end", say("finished")];
  return status.playing ? ["live", say("playing")] : ["paused", say("stopped")];
};
