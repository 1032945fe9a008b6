// The buttons of the delivery page: a test, or a refused message once more.

const said = document.getElementById("said");

async function post(address, body) {
  let good = false;
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    good = answer.ok;
  } catch {
    good = false;
  }
  said.hidden = false;
  said.className = good ? "good" : "bad";
  said.textContent = good ? document.body.dataset.queued : document.body.dataset.refused;
}

for (const button of document.querySelectorAll("button[data-test]")) {
  button.addEventListener("click", () => {
    const target = encodeURIComponent(button.dataset.test);
    post(`/api/v1/delivery/targets/${target}/test`, { path: button.dataset.path ?? null });
  });
}

for (const button of document.querySelectorAll("button[data-requeue]")) {
  button.addEventListener("click", () => {
    post(`/api/v1/delivery/messages/${Number(button.dataset.requeue)}/requeue`, {});
  });
}
