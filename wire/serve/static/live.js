// Changes from the server as they happen. The browser connects again by itself; this says when the
// server is lost.
const { lang } = document.documentElement; // a stream speaks as the page does
const SILENT = 7000, AGAIN = 1500; // ms without a word until it is lost, and from try to try

// A window's part in the stream that all windows of the browser share.
class Shared {
  constructor(hear) {
    const script = "/static/shared.js"; // the one address that the policy of the page lets through
    const policy = window.trustedTypes?.createPolicy("shared", { createScriptURL: () => script });
    Object.assign(this, { hear, script: policy?.createScriptURL("") ?? script, worker: null });
  }

  open() {
    this.worker ??= this.start();
    this.worker.port.postMessage({ open: lang });
  }

  start() {
    const worker = new SharedWorker(this.script);
    worker.port.onmessage = ({ data }) => this.hear(data);
    worker.onerror = () => { // it did not come: the next time there is another one
      this.worker = null;
      this.hear({ lost: true });
    };
    return worker;
  }

  close() {
    this.worker?.port.postMessage({});
  }
}

// A stream of its own, where the browser shares none.
class Own {
  constructor(hear) {
    this.hear = hear;
  }

  open() {
    this.close();
    this.stream = new EventSource(`/events?language=${lang}`);
    this.stream.onmessage = ({ data }) => this.hear({ data });
    this.stream.addEventListener("beat", ({ data }) => this.hear({ data }));
    this.stream.onerror = () => this.hear({ lost: true });
  }

  close() {
    this.stream?.close();
  }
}

export class Live {
  constructor(apply, status) {
    Object.assign(this, { apply, status });
    this.stream = new (window.SharedWorker ? Shared : Own)((message) => this.hear(message));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stop();
      else this.connect();
    });
    addEventListener("pagehide", () => this.stop());
    this.connect();
  }

  stop() {
    clearTimeout(this.silent);
    this.stream.close();
  }

  connect() {
    clearTimeout(this.silent);
    this.silent = setTimeout(() => this.lost(), SILENT);
    this.stream.open();
  }

  hear({ data, lost }) {
    if (document.hidden) return;
    if (lost) {
      this.lost();
      return;
    }
    clearTimeout(this.silent);
    this.silent = setTimeout(() => this.lost(), SILENT);
    this.status({ lost: false });
    const change = JSON.parse(data);
    if (change.state) this.status(change.state);
    else this.apply(change);
  }

  lost() {
    this.status({ lost: true });
    clearTimeout(this.silent);
    this.silent = setTimeout(() => this.connect(), AGAIN);
  }
}
