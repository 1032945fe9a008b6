// What every page's requests that change something have in common: JSON, and the session's token.

/**
 * The token of this session, empty where nobody has to sign in. Its cookie has the port in its name,
 * but behind nginx: services of several schools may stand at one address.
 */
export function csrfToken() {
  const named = (name) => document.cookie.match(`(?:^|; )${name}=([0-9a-f]+)`)?.[1];
  return named(`xiaoan_csrf_${location.port}`) ?? named("xiaoan_csrf") ?? "";
}

/** What `fetch` needs to send `body` as JSON with the session's token. */
export function sending(body, method = "POST") {
  return {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrfToken() },
    body: JSON.stringify(body),
  };
}
