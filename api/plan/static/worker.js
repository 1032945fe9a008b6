// Keeps the empty forms of records, so that they open on a phone without a network. The network
// comes first; nothing but forms, styles and scripts is kept.

const KEPT = "xiaoan-plan-1";
// What every page of the service has around it.
const FRAME = ["/console/frame.css", "/console/icon.svg"];

function mayKeep(url) {
  return (
    url.pathname.startsWith("/plan-files/") ||
    FRAME.includes(url.pathname) ||
    /^\/plan\/units\/[^/]+\/form\/[^/]+$/.test(url.pathname)
  );
}

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !mayKeep(url)) return;
  event.respondWith(
    fetch(event.request)
      .then(async (answer) => {
        if (answer.ok) await (await caches.open(KEPT)).put(event.request, answer.clone());
        return answer;
      })
      .catch(async () => (await caches.match(event.request)) ?? Response.error()),
  );
});
