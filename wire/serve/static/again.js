// What a page is made of may not come, as when the network changes meanwhile: then the page is
// loaded again, rather than stand there without life. This stands in the page itself, since all
// that it asks for may fail at once.
addEventListener("error", ({ target }) => {
  if (target instanceof HTMLScriptElement || target instanceof HTMLLinkElement)
    setTimeout(() => location.reload(), 1000);
}, true);
