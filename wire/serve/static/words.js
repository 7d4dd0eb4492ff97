// Every word that the script shows stands in the page, where it is translated with the rest.
export const words = JSON.parse(document.getElementById("words").textContent);
const { lang } = document.documentElement;

export const say = (key, values = {}) =>
  words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

// A number as the language writes it, with so many digits after the point, or as few as it has.
const formats = new Map();
export const number = (value, digits) => {
  if (!formats.has(digits))
    formats.set(digits, new Intl.NumberFormat(lang, digits === undefined
      ? { maximumFractionDigits: 1 }
      : { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(digits).format(value);
};

// What is said of a number, which may be one.
export const many = (key, n, more = {}) =>
  say(n === 1 ? `${key}-one` : key, { n: number(n), ...more });

// Seconds since the first packet, to the microsecond as long as there is room.
export const moment = (seconds) => number(seconds, seconds < 1000 ? 6 : 3);

// Seconds between two packets.
export const span = (seconds) => (Math.abs(seconds) >= 1 ? say("seconds", { n: number(seconds, 3) })
  : say("ms", { n: number(seconds * 1000, Math.abs(seconds) < 0.1 ? 3 : 1) }));

export const ago = (seconds) =>
  seconds < 100 ? say("seconds", { n: Math.max(0, Math.floor(seconds)) })
    : say("minutes", { n: Math.round(seconds / 60) });

// An element with a class and a text; a text is never read as markup.
export const element = (tag, kind = "", text = "") => {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text) made.textContent = text;
  return made;
};

export const change = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
