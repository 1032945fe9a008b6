// What every script of the plan needs to send something: the form's token, the request, the words
// of a refusal, and a file as text.

// Its cookie has the port in its name, but behind nginx. Not imported from the console: forms open
// without a network, and only this folder is kept for that.
function csrfToken() {
  const named = (name) => document.cookie.match(`(?:^|; )${name}=([^;]+)`)?.[1];
  return named(`xiaoan_csrf_${location.port}`) ?? named("xiaoan_csrf");
}

export function post(path, body) {
  const token = csrfToken();
  const headers = { "content-type": "application/json" };
  if (token) headers["x-csrf-token"] = token;
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export async function words(answer) {
  const body = await answer.json().catch(() => null);
  if (!body?.message) return String(answer.status);
  const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  return `${body.message[lang]} — ${body.mend[lang]}${body.detail ? ` (${body.detail})` : ""}`;
}

export async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  }
  return btoa(text);
}
