// The connections as tabs, the newest first, and before them everything.
import { say, element, change } from "./words.js";
import { waiting } from "./node.js";

export const ALL = 0; // in place of the number of a connection

export class Tabs {
  constructor(choose) {
    Object.assign(this, { choose, box: document.getElementById("tabs"), tabs: new Map() });
    this.tab(ALL).textContent = say("everything-tab");
  }

  tab(number) {
    if (!this.tabs.has(number)) {
      const tab = element("button");
      tab.type = "button";
      tab.dataset.connection = number;
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => this.choose(number));
      this.tabs.set(number, tab);
    }
    return this.tabs.get(number);
  }

  show(connections, shown, now) {
    const hosts = new Map(); // of each socket type
    for (const connection of connections)
      for (const { role, host } of [connection.client, connection.server])
        hosts.set(role, (hosts.get(role) ?? new Set()).add(host));
    const name = ({ role, host }) => (hosts.get(role).size > 1 ? `${role} ${host}` : role);
    const tabs = [this.tab(ALL)];
    for (const connection of connections) {
      const { number, open } = connection, tab = this.tab(number);
      const state = waiting(connection, now) ? "waits" : open ? "open" : "closed";
      const sign = { waits: "◔", open: "●", closed: "○" }[state];
      const sides = `${name(connection.client)} → ${name(connection.server)}`;
      change(tab, `${sign} ${number}  ${sides}`);
      tab.title = say(state);
      tabs.push(tab);
    }
    for (const tab of tabs) {
      const here = Number(tab.dataset.connection) === shown;
      tab.setAttribute("aria-selected", here);
      tab.tabIndex = here ? 0 : -1;
    }
    const same = tabs.length === this.box.children.length
      && tabs.every((tab, at) => tab === this.box.children[at]);
    if (!same) this.box.replaceChildren(...tabs);
    if (same && shown === this.shown) return;
    this.shown = shown;
    const here = this.tab(shown).getBoundingClientRect(), all = this.box.getBoundingClientRect();
    if (here.left < all.left) this.box.scrollLeft += here.left - all.left;
    else if (here.right > all.right) this.box.scrollLeft += here.right - all.right;
  }
}
