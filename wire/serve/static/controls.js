// What is asked for by buttons, lists and keys.
const find = (id) => document.getElementById(id);

// Key -> the name of an action, and what it is given.
const KEYS = {
  " ": ["pause"], t: ["theme"], "?": ["help"], a: ["all"], "/": ["find"], Enter: ["fold"],
  l: ["view", "lab"], b: ["view", "both"], d: ["view", "diagram"],
  "[": ["turn", 1], "]": ["turn", -1],
  ArrowDown: ["move", 1], ArrowUp: ["move", -1], Escape: ["follow"],
};
for (const at of [0, 1, 2, 3]) KEYS[at] = ["pattern", at];
const PLAYING = {
  ArrowRight: ["step"], ArrowLeft: ["back"], Home: ["start"], End: ["end"], g: ["number"],
};

// `actions`: name -> what is done.
export const listen = (actions, live) => {
  const known = live ? KEYS : { ...KEYS, ...PLAYING };
  for (const [id, name, ...given] of [
    ["theme", "theme"], ["help", "help"], ["pause", "pause"], ["clear", "clear"], ["play", "pause"],
    ["start", "start"], ["end", "end"], ["back", "back"], ["step", "step"],
  ]) find(id)?.addEventListener("click", () => actions[name](...given));
  for (const button of document.querySelectorAll(".view button"))
    button.addEventListener("click", () => actions.view(button.dataset.view));
  for (const id of ["pattern", "topic", "since", "speed", "captures", "idle", "slider"])
    find(id)?.addEventListener("change", () => {
      actions[id](find(id));
      find(id).blur(); // the keys are for the page again
    });
  find("slider")?.addEventListener("input", () => actions.slide(find("slider")));
  find("search").addEventListener("input", () => actions.search(find("search").value));
  for (const [form, action] of [["goto", "leap"], ["look", "next"]])
    find(form)?.addEventListener("submit", (event) => {
      event.preventDefault();
      actions[action](event.target.querySelector("input").value);
      if (form === "goto") find("packet").blur();
    });

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const typing = target.closest("input:not([type=checkbox], [type=range]), select, dialog");
    if (key === "Escape") target.closest("input, select")?.blur();
    const pressing = [" ", "Enter"].includes(key) && target.closest("button, a, input");
    if (typing || pressing || event.ctrlKey || event.altKey || event.metaKey) return;
    const [name, ...given] = known[key] ?? known[key.toLowerCase()] ?? [];
    if (!name) return;
    event.preventDefault();
    actions[name](...given);
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
    find("tabs").querySelector("[aria-selected=true]")?.focus();
  });
};
