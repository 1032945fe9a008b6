// Whether this page itself can be relied on: it may be older than the service, or have failed.

import { byId, setText } from "./dom.js";
import { t } from "./texts.js";

/** What is said of the page; what failed is worse than what is old. */
let told = "";

function tell(what) {
  if (told === "failed" || told === what) return;
  told = what;
  setText(byId("stale-title"), t(`console.page.${what}`));
  byId("stale-page").hidden = false;
}

/** Follow errors of the page's own scripts: what they left undone nobody sees. */
export function setUpPageState() {
  byId("stale-reload").addEventListener("click", () => location.reload());
  for (const kind of ["error", "unhandledrejection"]) window.addEventListener(kind, () => tell("failed"));
}

/** The service names the build of its page; after an update it is another one. */
export function comparePage(build) {
  if (build !== undefined && build !== document.body.dataset.build) tell("old");
}
