// The forms that wait for the network, in this browser's own database: they outlive a closed page
// and a phone that was switched off. Each keeps the key it was filled in with, so that the service
// stores it once however often it arrives. A form that the service refused is kept apart, with the
// reason, until a person mends it or throws it away. Each belongs to the person who filled it in:
// on a shared phone nobody else sends it or sees it.

const STORE = "forms";
const REFUSED = "refused";
const MOST_FORMS = 200;

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("xiaoan-plan", 2);
    asked.onupgradeneeded = () => {
      for (const name of [STORE, REFUSED]) {
        const store = asked.result.objectStoreNames.contains(name)
          ? asked.transaction.objectStore(name)
          : asked.result.createObjectStore(name, { autoIncrement: true });
        store.createIndex("by", "by");
      }
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(mode, act, names = [STORE]) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const change = database.transaction(names, mode, { durability: "strict" });
      const answer = act(...names.map((name) => change.objectStore(name)));
      change.oncomplete = () => resolve(answer?.result);
      change.onerror = change.onabort = () => reject(change.error);
    });
  } finally {
    database.close();
  }
}

export function count(by) {
  return within("readonly", (store) => store.index("by").count(by));
}

export async function put(entry) {
  const all = await within("readonly", (store) => store.count());
  if (all >= MOST_FORMS) throw new Error("the queue is full");
  return within("readwrite", (store) => store.add(entry));
}

export async function first(by) {
  const keys = await within("readonly", (store) => store.index("by").getAllKeys(by, 1));
  if (!keys.length) return null;
  return { key: keys[0], entry: await within("readonly", (store) => store.get(keys[0])) };
}

export function remove(key) {
  return within("readwrite", (store) => store.delete(key));
}

// In one transaction: the form is in one of the two stores at any time.
export function refuse(key, entry) {
  const move = (forms, refused) => (forms.delete(key), refused.add(entry));
  return within("readwrite", move, [STORE, REFUSED]);
}

export async function refused(by) {
  const keys = await within("readonly", (store) => store.index("by").getAllKeys(by), [REFUSED]);
  const entries = await within("readonly", (store) => store.index("by").getAll(by), [REFUSED]);
  return keys.map((key, at) => ({ key, entry: entries[at] }));
}

export function discard(key) {
  return within("readwrite", (store) => store.delete(key), [REFUSED]);
}
