(() => {
  /*
   * Live reload (--watch): while the tab is visible, checks whether the page or a file that it loaded has changed.
   *
   * The script removes its element at once and defines no global name. The server answers a conditional HEAD with 304
   * while the version is the known one (RFC 9110 13.1.2), and with 204 for a missing file, as browsers write each 404
   * into the console. A file that is missing, or too new to have an ETag, is checked again: a build may be running.
   */
  'use strict';
  const pause = 400; // milliseconds between two rounds
  const element = document.currentScript;
  const mark = 'tinyhttpd-live'; // in the query of a swapped stylesheet, so that the browser fetches it
  // Without the query, which names no other file: a page may load one file with many queries.
  const plain = (address) => {
    const url = new URL(address, location.href);
    return url.origin + url.pathname;
  };
  const page = plain(location.href);
  // URL -> ETag, '' for a missing file.
  const known = new Map([[page, element.dataset.etag]]);
  element.remove();

  // Observed, as the timeline keeps only 250 entries, and the checks fill it as well.
  const loaded = new Set();
  new PerformanceObserver((list) =>
    list
      .getEntries()
      .map((entry) => plain(entry.name))
      .filter((address) => address.startsWith(`${location.origin}/`) && address !== plain(element.src))
      .forEach((address) => loaded.add(address)),
  ).observe({ type: 'resource', buffered: true });

  // True if the version on the server is not the known one.
  const isChanged = async (address) => {
    const before = known.get(address);
    const headers = { 'Tinyhttpd-Live': '1', Accept: address === page ? 'text/html' : '*/*' };
    if (before) headers['If-None-Match'] = before;
    const answer = await fetch(address, { method: 'HEAD', headers, cache: 'no-store' });
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
    for (;;) {
      await visible();
      await round();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  })();
})();
