(() => {
  /*
   * Live reload (--watch): while the tab is visible, checks whether the page or a file that it loaded has changed.
   *
   * The script removes its element before the page's own scripts see the document, and defines no global name. The
   * server answers a conditional HEAD with 304 while the version is the known one (RFC 9110 13.1.2), and with 204 for a
   * missing file, as browsers write each 404 into the console. A file that is missing, or too new to have an ETag, is
   * checked again: a build may be running. While the root is missing, the server answers 503, and a notice says so.
   */
  'use strict';
  const pause = 400; // milliseconds between two rounds
  const mark = 'tinyhttpd-live'; // in the query of a swapped stylesheet, so that the browser fetches it
  // Without the query, which names no other file: a page may load one file with many queries.
  const plain = (address) => {
    const url = new URL(address, location.href);
    return url.origin + url.pathname;
  };
  // null: a script evaluates this text. Then there is no element, or one without our attribute.
  const element = document.currentScript;
  const etag = element?.dataset.etag;

  // Starts once in a document. Of several elements the last one is the server's: a file may contain copies, and an
  // application may replace the body by that of another page.
  const key = Symbol.for('tinyhttpd live reload');
  const running = document[key];
  if (running) {
    if (etag !== undefined) running.follow(element, etag);
    return;
  }

  // URL -> ETag, '' for a missing file.
  const known = new Map();
  const parsed =
    document.readyState !== 'loading' ||
    new Promise((resolve) => {
      document.addEventListener('readystatechange', resolve, { once: true });
    });
  let page = location.href.replace(/#.*/, ''),
    last;
  const follow = async (next, version) => {
    page = location.href.replace(/#.*/, '');
    known.set(page, version);
    last = next;
    await parsed;
    if (last === next) next.remove();
  };
  Object.defineProperty(document, key, { value: { follow } });
  if (etag !== undefined) follow(element, etag);

  // The server shows these errors in its log, and --strict counts them: at most 20 of a document, each once. It sees by
  // itself which of its own files are missing.
  const reported = new Set();
  const report = (text) => {
    if (!element?.src || reported.size >= 20 || reported.has(text)) return;
    reported.add(text);
    const headers = { 'Tinyhttpd-Live': encodeURIComponent(text.slice(0, 200)) };
    fetch(element.src, { method: 'HEAD', headers, cache: 'no-store', keepalive: true }).catch(() => {});
  };
  const listen = (type, handle) => addEventListener(type, handle, true);
  const place = (file, line) => (file ? ` (${file}:${line})` : '');
  listen('error', ({ target, message, filename, lineno }) => {
    const address = target.currentSrc || target.src || target.href;
    if (target === window) report(message + place(filename, lineno));
    else if (address && !address.startsWith(`${location.origin}/`)) report(`can't load ${address}`);
  });
  listen('unhandledrejection', ({ reason }) => report(`Unhandled rejection: ${reason}`));
  listen('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
    report(`Content-Security-Policy ${violatedDirective} blocks ${blockedURI}${place(sourceFile, lineNumber)}`),
  );

  // Observed, as the timeline keeps only 250 entries, and the checks fill it as well.
  const loaded = new Set();
  new PerformanceObserver((list) =>
    list
      .getEntries()
      .map((entry) => plain(entry.name))
      .filter((address) => address.startsWith(`${location.origin}/`) && !address.endsWith('/tinyhttpd/live.js'))
      .forEach((address) => loaded.add(address)),
  ).observe({ type: 'resource', buffered: true });

  // Outside the body, whose content is the page's own. Not by a style attribute, which a policy may forbid.
  const notice = document.createElement('output');
  notice.textContent = 'The server answers 503 for this page at the moment. It comes back by itself.';
  notice.style.cssText =
    'all:initial;position:fixed;z-index:9999;inset:auto 0 0;padding:.5em;' +
    'font:1rem sans-serif;color:#fff;background:#a00';
  const tell = (missing) => (missing ? document.documentElement.append(notice) : notice.remove());

  // True if the version on the server is not the known one.
  const isChanged = async (address) => {
    const before = known.get(address);
    const headers = { 'Tinyhttpd-Live': '1', Accept: address === page ? 'text/html' : '*/*' };
    if (before) headers['If-None-Match'] = before;
    const answer = await fetch(address, { method: 'HEAD', headers, cache: 'no-store' });
    if (address === page) tell(answer.status === 503);
    const etag = answer.status === 200 ? answer.headers.get('ETag') : '';
    if (answer.status === 304 || etag === null || (etag === '' && before)) return false;
    known.set(address, etag);
    return before !== undefined && etag !== before;
  };

  const swap = (address) => {
    const links = [...document.querySelectorAll('link[rel~="stylesheet"]')].filter(
      (link) => plain(link.href) === address,
    );
    for (const link of links) {
      const url = new URL(link.href);
      url.searchParams.set(mark, Date.now());
      const next = link.cloneNode();
      next.href = url.href;
      next.onload = next.onerror = () => link.remove();
      link.after(next);
    }
    return links.length > 0;
  };

  const round = async () => {
    const addresses = [...new Set([page, ...loaded])];
    const answers = await Promise.all(addresses.map((address) => isChanged(address).catch(() => false)));
    const changed = addresses.filter((address, i) => answers[i]);
    const swapped = changed.map((address) => address !== page && swap(address));
    if (swapped.includes(false)) location.reload();
  };

  const visible = () =>
    document.visibilityState === 'visible' ||
    new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true });
    });

  (async () => {
    await parsed;
    for (;;) {
      await visible();
      await round();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  })();
})();
