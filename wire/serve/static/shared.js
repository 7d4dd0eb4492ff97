// One stream of changes for all windows of a browser, which has six connections to a server.
const windows = new Set();
let stream = null;

const tell = (message) => {
  for (const each of windows) each.postMessage(message);
};

// Begin anew: whoever has just come needs the whole.
const open = (language) => {
  stream?.close();
  stream = new EventSource(`/events?language=${language}`);
  stream.onmessage = ({ data }) => tell({ data });
  stream.addEventListener("beat", ({ data }) => tell({ data }));
  stream.onerror = () => tell({ lost: true });
};

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data.open) {
      windows.add(port);
      open(data.open);
      return;
    }
    windows.delete(port);
    if (windows.size) return;
    stream?.close();
    stream = null;
  };
});
