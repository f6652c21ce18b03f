(() => {
  /*
   * Live reload (--watch): asks, while the tab is seen, whether the page or what it loaded has changed.
   *
   * The page's own scripts see one element of it, which is removed at once; no name is left behind. A conditional HEAD is
   * answered 304 as long as the version is the known one (RFC 9110 13.1.2), and 204 where there is nothing, as browsers write
   * each 404 into the console. A file that is gone, or too young to have a validator, is asked for again: a build is under
   * way.
   */
  'use strict';
  const pause = 400; // milliseconds between two rounds
  const element = document.currentScript;
  const mark = 'tinyhttpd-live'; // in the query of a swapped stylesheet, so that it is fetched
  // Without a query, as that names no other file: a page may load one with ever new ones.
  const plain = (address) => {
    const url = new URL(address, location.href);
    return url.origin + url.pathname;
  };
  const page = plain(location.href);
  // Address -> validator, '' for what was missing.
  const known = new Map([[page, element.dataset.etag]]);
  element.remove();

  // Observed, as the timeline itself keeps 250 entries only, which questions fill as well.
  const loaded = new Set();
  new PerformanceObserver((list) =>
    list
      .getEntries()
      .map((entry) => plain(entry.name))
      .filter((address) => address.startsWith(`${location.origin}/`) && address !== plain(element.src))
      .forEach((address) => loaded.add(address)),
  ).observe({ type: 'resource', buffered: true });

  // True when another version is there than the known one.
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
