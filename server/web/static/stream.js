// Server-Sent Events over fetch. EventSource cannot send a header, and an access key is one.

const FIRST = 3000; // milliseconds for the first event, which is sent at once; a proxy that collects them is slower
const SILENCE = 25000; // milliseconds without an event or a comment; the server breaks its silence each 10 s

// The data of each event. Ends with the stream, or where none comes through; throws what `fetch` throws.
export async function* events(address, headers, signal) {
  const line = new AbortController();
  const hangUp = () => line.abort();
  signal.addEventListener("abort", hangUp, { once: true });
  let timer = setTimeout(hangUp, FIRST);
  try {
    let text = "";
    for await (const piece of pieces(address, headers, line.signal)) {
      clearTimeout(timer);
      timer = setTimeout(hangUp, SILENCE);
      const parts = (text + piece).split(/\r?\n\r?\n/);
      text = parts.pop();
      yield* parts.map(data).filter(Boolean);
    }
  } catch (error) {
    if (signal.aborted || !line.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", hangUp);
    line.abort(); // who stops reading hangs up
  }
}

async function* pieces(address, headers, signal) {
  const answer = await fetch(address, { signal, headers: { ...headers, Accept: "text/event-stream" } });
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read; !(read = await reader.read()).done; ) yield read.value;
}

function data(part) {
  const lines = part.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice("data:".length)).join("\n");
}
