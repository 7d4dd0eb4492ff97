// Messages a second over the last minute, a bar for each second.
import { say, many, number } from "./words.js";
import { svg } from "./svg.js";

const SECONDS = 60, RECENT = 5;

export class Plot {
  constructor(pattern) {
    this.pattern = pattern;
    this.path = svg("path");
    this.drawing = svg("svg", { class: "plot", viewBox: "0 0 60 20", preserveAspectRatio: "none",
      role: "img" });
    this.drawing.append(svg("path", { class: "axis", d: "M0,20 H60" }), this.path);
    this.now = document.createElement("b");
    this.peak = document.createElement("small");
  }

  show(bins, time) {
    const last = Math.floor(time);
    let peak = 0, recent = 0, line = "";
    for (let back = 0; back < SECONDS; back++) peak = Math.max(peak, bins?.get(last - back) ?? 0);
    for (let back = 1; back <= RECENT; back++) recent += bins?.get(last - back) ?? 0;
    for (let back = 0; back < SECONDS; back++) {
      const count = bins?.get(last - back) ?? 0;
      const height = Math.max(1, 19 * count / peak).toFixed(1);
      if (count) line += `M${59.1 - back},20 v${-height} h.8 V20 z `;
    }
    const rate = recent / Math.min(RECENT, Math.max(1, last));
    const now = Number(rate.toFixed(rate < 10 ? 1 : 0));
    this.path.setAttribute("d", line);
    this.now.textContent = many("rate", now);
    this.peak.textContent = say("peak", { n: number(peak) });
    this.drawing.setAttribute("aria-label",
      many("plot", now, { pattern: this.pattern, now: number(now), peak: number(peak) }));
  }
}
