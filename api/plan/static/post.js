// What every script of the plan needs to send something: the form's token, the request, the words
// of a refusal, and a file as text.

export function post(path, body) {
  const token = document.cookie.match(/(?:^|; )xiaoan_csrf=([^;]+)/)?.[1];
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
