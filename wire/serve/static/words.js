// Every word that the script shows stands in the page, where it is translated with the rest.
const words = JSON.parse(document.getElementById("words").textContent);

export const say = (key, values = {}) =>
  words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const number = (n) => n.toLocaleString("en"); // as the program writes them, in any language

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
