// Questions to the server that served this module.

// The headers of an address, or null where the answer is none to go by.
export async function headersOf(url) {
  try {
    const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
    return answer.ok ? answer.headers : null;
  } catch {
    return null;
  }
}

// Asks `times` times whether the file is still the version that `known` names, one request
// after the other. A condition set by hand also keeps the browser's own cache out of it.
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
