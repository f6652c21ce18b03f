#include "site/live.h"

/*
 * What a page's own scripts can see of it: one element, removed at once. No name is left behind.
 *
 * A conditional HEAD is answered 304 as long as the version is the known one (RFC 9110 13.1.2), and 204 where there is
 * nothing, as browsers write each 404 into the console of whoever develops the page. A file that is gone, or
 * too young to have a validator, is asked for again: a build is under way.
 */
static const char script[] =
    "(() => {\n"
    "  'use strict';\n"
    "  const pause = 400; // milliseconds between two rounds\n"
    "  const element = document.currentScript;\n"
    "  const mark = 'tinyhttpd-live'; // in the query of a swapped stylesheet, so that it is fetched\n"
    "  // Without a query, as that names no other file: a page may load one with ever new ones.\n"
    "  const plain = (address) => {\n"
    "    const url = new URL(address, location.href);\n"
    "    return url.origin + url.pathname;\n"
    "  };\n"
    "  const page = plain(location.href);\n"
    "  // Address -> validator, '' for what was missing.\n"
    "  const known = new Map([[page, element.dataset.etag]]);\n"
    "  element.remove();\n"
    "\n"
    "  // Observed, as the timeline itself keeps 250 entries only, which questions fill as well.\n"
    "  const loaded = new Set();\n"
    "  new PerformanceObserver((list) => list.getEntries()\n"
    "    .map((entry) => plain(entry.name))\n"
    "    .filter((address) => address.startsWith(`${location.origin}/`) && address !== plain(element.src))\n"
    "    .forEach((address) => loaded.add(address))).observe({ type: 'resource', buffered: true });\n"
    "\n"
    "  // True when another version is there than the known one.\n"
    "  const isChanged = async (address) => {\n"
    "    const before = known.get(address);\n"
    "    const headers = { 'Tinyhttpd-Live': '1', Accept: address === page ? 'text/html' : '*/*' };\n"
    "    if (before) headers['If-None-Match'] = before;\n"
    "    const answer = await fetch(address, { method: 'HEAD', headers, cache: 'no-store' });\n"
    "    const etag = answer.status === 200 ? answer.headers.get('ETag') : '';\n"
    "    if (answer.status === 304 || etag === null || (etag === '' && before)) return false;\n"
    "    known.set(address, etag);\n"
    "    return before !== undefined && etag !== before;\n"
    "  };\n"
    "\n"
    "  const swap = (address) => {\n"
    "    const links = [...document.querySelectorAll('link[rel~=\"stylesheet\"]')]\n"
    "      .filter((link) => plain(link.href) === address);\n"
    "    for (const link of links) {\n"
    "      const url = new URL(link.href);\n"
    "      url.searchParams.set(mark, Date.now());\n"
    "      const next = link.cloneNode();\n"
    "      next.href = url.href;\n"
    "      next.onload = next.onerror = () => link.remove();\n"
    "      link.after(next);\n"
    "    }\n"
    "    return links.length > 0;\n"
    "  };\n"
    "\n"
    "  const round = async () => {\n"
    "    const addresses = [...new Set([page, ...loaded])];\n"
    "    const answers = await Promise.all(addresses.map((address) => isChanged(address).catch(() => "
    "false)));\n"
    "    const changed = addresses.filter((address, i) => answers[i]);\n"
    "    const swapped = changed.map((address) => address !== page && swap(address));\n"
    "    if (swapped.includes(false)) location.reload();\n"
    "  };\n"
    "\n"
    "  const visible = () => document.visibilityState === 'visible' || new Promise((resolve) => {\n"
    "    document.addEventListener('visibilitychange', resolve, { once: true });\n"
    "  });\n"
    "\n"
    "  (async () => {\n"
    "    for (;;) {\n"
    "      await visible();\n"
    "      await round();\n"
    "      await new Promise((resolve) => setTimeout(resolve, pause));\n"
    "    }\n"
    "  })();\n"
    "})();\n";

struct span live_script(void)
{
    return (struct span){script, sizeof script - 1};
}

/* An attribute's value: an entity tag holds no quotes but its own two (RFC 9110 8.8.3), and ours no ampersand. */
void live_append_element(struct buffer *page, struct span etag)
{
    buffer_append(page, SPAN("\n<script src=\"" LIVE_TARGET "\" data-etag='"));
    buffer_append(page, etag);
    buffer_append(page, SPAN("'></script>\n"));
}
