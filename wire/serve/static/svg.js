// Shapes from the program as SVG. It says what is drawn, for the page of a report too; here
// elements are made of it, only of these kinds and with these attributes, and text stays text.
const SVG = "http://www.w3.org/2000/svg";
const TAGS = new Set(["rect", "path", "text"]);
const ATTRIBUTES = new Set(["x", "y", "width", "height", "rx", "d"]);

export const svg = (tag, attributes = {}) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

export const draw = (into, shapes) => {
  for (const [tag, kind, at, text] of shapes) {
    if (!TAGS.has(tag)) continue;
    const made = svg(tag, { class: kind });
    for (const [name, value] of Object.entries(at))
      if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    into.append(made);
  }
  return into;
};
