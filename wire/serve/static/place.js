// Where one is, in the address of the page, so that it can be sent and survives a reload.
const NAMES = ["capture", "step", "connection", "at", "pattern", "topic", "view", "time"];

const asked = new URLSearchParams(location.search);
let timer = 0;

// What the address says; "packet", which a person may write, in place of a step.
export const place = Object.fromEntries(
  [...NAMES, "packet"].map((name) => [name, asked.get(name)]));

export const remember = (values) => {
  clearTimeout(timer);
  timer = setTimeout(() => { // a browser takes only so many a second
    const kept = new URLSearchParams();
    for (const name of NAMES)
      if (values[name] !== null && values[name] !== "" && values[name] !== undefined)
        kept.set(name, values[name]);
    const query = kept.toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  }, 200);
};
