// Beats for the page that started this; a worker's timer is not slowed down when the page is hidden.

setInterval(() => postMessage(null), 500);
