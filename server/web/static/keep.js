// The present choice and its order, kept in this browser so that a reload or a lost connection does not lose them.
// The photo stays on the visitor's own machine; a new choice or "delete" replaces it.

const NAME = "order";

export async function keep(value) {
  await store("readwrite", (orders) => (value ? orders.put(value, NAME) : orders.delete(NAME)));
}

export async function kept() {
  return (await store("readonly", (orders) => orders.get(NAME))) ?? null;
}

async function store(mode, work) {
  try {
    const database = await done(Object.assign(indexedDB.open("reenact", 1), { onupgradeneeded: prepare }));
    try {
      return await done(work(database.transaction(NAME, mode).objectStore(NAME)));
    } finally {
      database.close();
    }
  } catch {
    return null; // a private window may refuse; the page works, only not across a reload
  }
}

function prepare(event) {
  event.target.result.createObjectStore(NAME);
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
