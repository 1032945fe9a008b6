// What every page's requests that change something have in common: JSON, and the session's token.

/** The token of this session, empty where nobody has to sign in. */
export function csrfToken() {
  return document.cookie.match(/(?:^|; )xiaoan_csrf=([0-9a-f]+)/)?.[1] ?? "";
}

/** What `fetch` needs to send `body` as JSON with the session's token. */
export function sending(body, method = "POST") {
  return {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrfToken() },
    body: JSON.stringify(body),
  };
}
