// Requests to the server that served this module.

// The headers of a URL, or null if the request fails.
export async function headersOf(url) {
  try {
    const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
    return answer.ok ? answer.headers : null;
  } catch {
    return null;
  }
}

// Sends `times` conditional requests for the version in `known`, one after the other. With a
// condition set by the script, the browser does not use its own cache.
export async function stillCurrent(url, known, times) {
  const condition = known.has("etag")
    ? { "If-None-Match": known.get("etag") }
    : { "If-Modified-Since": known.get("last-modified") };
  const took = [];
  let status = 0;
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    const answer = await fetch(url, { headers: condition });
    await answer.arrayBuffer();
    took.push(performance.now() - start);
    status = answer.status;
  }
  took.sort((a, b) => a - b);
  return { status, condition: Object.keys(condition)[0], median: took[times >> 1] };
}
