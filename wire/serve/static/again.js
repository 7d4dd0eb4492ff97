// What a page is made of may not come, as when the network changes meanwhile: then the page is
// loaded again, rather than stand there without life. It stands alone, before all else.
addEventListener("error", ({ target }) => {
  if (target instanceof HTMLScriptElement || target instanceof HTMLLinkElement)
    setTimeout(() => location.reload(), 1000);
}, true);
